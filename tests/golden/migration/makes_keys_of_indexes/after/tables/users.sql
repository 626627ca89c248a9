CREATE TABLE users (id int PRIMARY KEY, email text CONSTRAINT emails UNIQUE, nick text UNIQUE, age int CHECK (age >= 0));
