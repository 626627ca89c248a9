CREATE TABLE t (id integer CONSTRAINT t_key2 PRIMARY KEY, n bigint);
CREATE TABLE l (t integer);
