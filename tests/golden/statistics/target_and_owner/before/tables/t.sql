CREATE TABLE t (id integer, name text);
CREATE STATISTICS pair ON id, name FROM t;
