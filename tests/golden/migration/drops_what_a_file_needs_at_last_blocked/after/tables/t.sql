CREATE TABLE job (id int PRIMARY KEY, status text);
