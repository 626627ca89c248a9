CREATE TABLE t (id int PRIMARY KEY, e em, ns text[]);
