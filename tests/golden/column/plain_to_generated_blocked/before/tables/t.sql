CREATE TABLE t (id integer PRIMARY KEY, w integer);
