CREATE TABLE t (id int PRIMARY KEY, a int, b text);
CREATE INDEX ta ON t (a, b);
CREATE INDEX tb ON t (b, a);
