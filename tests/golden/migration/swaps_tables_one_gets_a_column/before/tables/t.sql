CREATE TABLE a (id int, x int);
CREATE TABLE b (id int, y text);
