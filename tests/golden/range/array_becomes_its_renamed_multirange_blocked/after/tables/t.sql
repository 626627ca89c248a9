CREATE TABLE t (id int, v frs);
