CREATE TABLE t (id integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
