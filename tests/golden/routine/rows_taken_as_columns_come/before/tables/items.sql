CREATE TABLE items (id integer PRIMARY KEY, price integer);
CREATE TABLE parts (id integer PRIMARY KEY, price integer);
CREATE TABLE spare_parts () INHERITS (parts);
