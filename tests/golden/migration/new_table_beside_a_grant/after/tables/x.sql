CREATE TABLE x (id integer PRIMARY KEY, y text);
