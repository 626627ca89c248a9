CREATE TABLE job (id int PRIMARY KEY, status text);
CREATE TABLE worker (id int PRIMARY KEY, name text);
