CREATE TABLE t (id int PRIMARY KEY, at int4range);
