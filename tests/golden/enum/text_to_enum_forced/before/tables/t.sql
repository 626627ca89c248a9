CREATE TABLE t (id int PRIMARY KEY, m text DEFAULT 'a');
