CREATE TABLE c (id int PRIMARY KEY, w int);
