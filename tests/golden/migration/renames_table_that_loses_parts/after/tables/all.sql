CREATE TABLE t2 (id int PRIMARY KEY, a text);
