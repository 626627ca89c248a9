CREATE TABLE b (id int PRIMARY KEY, x text);
CREATE INDEX ON b (x);
CREATE TABLE a (id int PRIMARY KEY, x text);
CREATE INDEX ON a (x);
