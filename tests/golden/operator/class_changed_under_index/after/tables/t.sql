CREATE TABLE t (id integer);
CREATE INDEX t_backwards ON t (id backwards);
