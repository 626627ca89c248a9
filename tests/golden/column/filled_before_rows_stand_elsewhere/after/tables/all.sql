CREATE TABLE goods (id bigint PRIMARY KEY, name text, stock integer DEFAULT 0);
CREATE TABLE history (at date, former goods);
CREATE TABLE other (id integer, formers goods[]);
CREATE TABLE zone (id integer);
