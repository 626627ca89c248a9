CREATE TABLE job (id int PRIMARY KEY, s state[]);
