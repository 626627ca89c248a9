CREATE TABLE p (id int);
CREATE TABLE q (n int);
CREATE TABLE c (x text) INHERITS (p, q);
