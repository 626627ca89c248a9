CREATE TABLE a (x bigint, y text);
CREATE TABLE b (id int, r a);
