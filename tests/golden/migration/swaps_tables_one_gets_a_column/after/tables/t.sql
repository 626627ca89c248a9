CREATE TABLE b (id int, x int, n int DEFAULT 3);
CREATE TABLE a (id int, y text);
