CREATE TABLE x (id integer PRIMARY KEY, v e);
