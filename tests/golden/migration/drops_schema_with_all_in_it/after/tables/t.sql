CREATE TABLE t (id int PRIMARY KEY, n int, d int);
