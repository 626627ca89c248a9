CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0);
ALTER TABLE t ADD CONSTRAINT c CHECK (amount >= 0);
COMMENT ON CONSTRAINT c ON t IS 'never negative';
