CREATE TABLE t (id integer PRIMARY KEY, v integer CONSTRAINT above_zero CHECK (v > 0));
