CREATE TABLE shared (id integer PRIMARY KEY, n integer);
CREATE TABLE diary (id integer PRIMARY KEY, note text);
