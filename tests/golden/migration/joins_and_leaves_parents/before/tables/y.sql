CREATE TABLE y (id int PRIMARY KEY, a int);
