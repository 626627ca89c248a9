CREATE TABLE t (id int PRIMARY KEY, x xml, n text);
