CREATE TABLE a (id integer PRIMARY KEY, q text);
