CREATE TABLE t (id e);
