CREATE TABLE t (id integer PRIMARY KEY, v integer CONSTRAINT positive CHECK (v > 0));
