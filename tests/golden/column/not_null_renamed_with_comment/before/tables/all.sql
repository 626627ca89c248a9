CREATE TABLE animal (id integer CONSTRAINT tagged NOT NULL);
COMMENT ON CONSTRAINT tagged ON animal IS 'in the left ear';
