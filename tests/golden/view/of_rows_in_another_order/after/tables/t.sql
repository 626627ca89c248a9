CREATE TABLE t (first int, a int, b int);
