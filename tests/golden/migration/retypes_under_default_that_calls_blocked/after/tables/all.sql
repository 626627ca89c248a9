CREATE TABLE t (id integer PRIMARY KEY, amount numeric);
CREATE TABLE l (id integer PRIMARY KEY, n bigint DEFAULT total());
