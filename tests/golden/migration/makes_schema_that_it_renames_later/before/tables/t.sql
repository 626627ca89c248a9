CREATE TABLE p (id int PRIMARY KEY, p spot);
