CREATE TABLE p (id int NOT NULL, a int CONSTRAINT positive CHECK (a > 0));
CREATE TABLE q (y text, b int);
CREATE TABLE c (id int NOT NULL, a int CONSTRAINT positive CHECK (a > 0), x text);
CREATE TABLE leaves (x int) INHERITS (p, q);
