CREATE TABLE goods (id integer PRIMARY KEY, name text);
CREATE TABLE history (at date, former goods);
