CREATE TABLE a (id integer NOT NULL, n integer);
CREATE TABLE b (id integer NOT NULL);
CREATE TABLE c () INHERITS (a, b);
