CREATE TABLE t (id int PRIMARY KEY, u_id int);
