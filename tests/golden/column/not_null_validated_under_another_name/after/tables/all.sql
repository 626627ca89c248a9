CREATE TABLE t (a integer NOT NULL, b integer CONSTRAINT with_b NOT NULL);
