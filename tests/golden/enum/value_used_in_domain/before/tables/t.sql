CREATE TABLE t (v d);
