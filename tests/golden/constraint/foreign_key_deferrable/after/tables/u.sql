CREATE TABLE u (id int PRIMARY KEY, code text UNIQUE);
