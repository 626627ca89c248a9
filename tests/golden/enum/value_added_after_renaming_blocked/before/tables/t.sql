CREATE TABLE t (id integer, v e);
