CREATE TABLE t (id integer PRIMARY KEY, a int, b text, c date, d numeric(5,2) DEFAULT 1.5);
