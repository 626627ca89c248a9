CREATE TABLE p (id int PRIMARY KEY, z text);
CREATE TABLE c (b int, z text) INHERITS (p);
