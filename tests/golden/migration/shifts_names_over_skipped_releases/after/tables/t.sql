CREATE TABLE a (id serial PRIMARY KEY, z int UNIQUE);
CREATE TABLE b (id serial PRIMARY KEY, x int UNIQUE);
CREATE TABLE c (id serial PRIMARY KEY, y int UNIQUE);
