CREATE TABLE x (id integer PRIMARY KEY, z text);
