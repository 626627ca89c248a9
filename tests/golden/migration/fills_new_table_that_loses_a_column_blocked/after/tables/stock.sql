CREATE TABLE stock (id int PRIMARY KEY, amount int);
