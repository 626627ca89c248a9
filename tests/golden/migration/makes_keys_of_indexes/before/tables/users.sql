CREATE TABLE users (id int PRIMARY KEY, email text, nick text, age int CHECK (age > 0));
CREATE UNIQUE INDEX emails ON users (email);
