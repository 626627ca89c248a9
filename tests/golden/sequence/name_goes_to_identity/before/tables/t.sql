CREATE SEQUENCE q;
CREATE TABLE u (a int DEFAULT nextval('q'));
CREATE TABLE t (id int NOT NULL, x serial);
CREATE TABLE v (id int NOT NULL);
