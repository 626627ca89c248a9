CREATE TABLE t (id int PRIMARY KEY);
CREATE INDEX t_g ON t (g(id));
