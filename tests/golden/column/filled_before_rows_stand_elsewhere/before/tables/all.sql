CREATE TABLE goods (id integer PRIMARY KEY, name text);
CREATE TABLE other (id integer);
CREATE TABLE zone (former goods);
