CREATE TABLE b (id int PRIMARY KEY, x text);
CREATE TABLE a (id int PRIMARY KEY, z text);
