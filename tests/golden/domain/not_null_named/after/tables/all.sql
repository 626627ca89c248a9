CREATE TABLE person (id integer PRIMARY KEY, age age);
