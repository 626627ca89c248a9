CREATE TABLE t (id int, x d);
