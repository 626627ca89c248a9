CREATE TABLE users (id int PRIMARY KEY, level int);
