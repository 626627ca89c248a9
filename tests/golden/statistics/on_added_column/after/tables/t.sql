CREATE TABLE t (id int PRIMARY KEY, a int, b int);
CREATE STATISTICS st ON a, b FROM t;
