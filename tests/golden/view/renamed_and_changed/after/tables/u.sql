CREATE TABLE us (id int);
