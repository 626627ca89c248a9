CREATE TABLE t (id int PRIMARY KEY, v d, w inner_d[]);
