CREATE TABLE plain (id int NOT NULL, x int);
CREATE TABLE counted (id serial, x int);
