CREATE TABLE t (a int);
CREATE INDEX t_backwards ON t (a backwards);
