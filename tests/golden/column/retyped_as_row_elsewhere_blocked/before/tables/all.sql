CREATE TABLE a (x int, y text);
CREATE TABLE b (id int, r a);
