CREATE TABLE c (id int PRIMARY KEY, z int, w int DEFAULT 5);
