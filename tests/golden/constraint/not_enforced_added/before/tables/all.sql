CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE t (a int, b int);
