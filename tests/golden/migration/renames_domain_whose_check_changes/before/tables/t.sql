CREATE TABLE t (id d);
