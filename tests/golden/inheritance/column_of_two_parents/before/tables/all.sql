CREATE TABLE p (id int, n int DEFAULT 1);
CREATE TABLE q (n int DEFAULT 1, m int);
CREATE TABLE c (x text) INHERITS (p, q);
