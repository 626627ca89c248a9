CREATE TABLE t (id integer PRIMARY KEY, gone integer, w integer GENERATED ALWAYS AS (id * 2 + gone) STORED);
