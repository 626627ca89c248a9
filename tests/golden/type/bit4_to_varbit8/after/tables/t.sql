CREATE TABLE t (id integer PRIMARY KEY, v varbit(8));
