CREATE TABLE animal (id integer CONSTRAINT chipped NOT NULL);
COMMENT ON CONSTRAINT chipped ON animal IS 'in the left ear';
