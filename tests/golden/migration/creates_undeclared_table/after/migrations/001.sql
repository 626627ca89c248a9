CREATE TABLE extra (id int);
