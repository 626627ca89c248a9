CREATE TABLE goods (id integer PRIMARY KEY, name text, stock integer DEFAULT 0);
CREATE TABLE history (at date, former goods);
