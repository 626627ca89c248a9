CREATE TABLE t (id int, m mood);
