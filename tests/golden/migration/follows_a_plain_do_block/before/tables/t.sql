CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0), z int);
CREATE INDEX t_a ON t (a);
CREATE TABLE w (id int);
