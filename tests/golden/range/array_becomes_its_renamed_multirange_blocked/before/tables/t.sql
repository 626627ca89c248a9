CREATE TABLE t (id int, v fr[]);
