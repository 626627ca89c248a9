CREATE TABLE t (id integer PRIMARY KEY, amount bigint, twice bigint GENERATED ALWAYS AS (amount * 2) STORED);
CREATE INDEX t_twice ON t (twice);
COMMENT ON COLUMN t.twice IS 'two times';
