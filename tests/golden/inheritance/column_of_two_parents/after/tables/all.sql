CREATE TABLE p (id int);
CREATE TABLE q (n int DEFAULT 2, m int);
CREATE TABLE c (x text) INHERITS (p, q);
