CREATE TABLE t (id integer PRIMARY KEY, amount integer);
CREATE TABLE l (id integer PRIMARY KEY, n bigint DEFAULT total());
