CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, kind text NOT NULL);
CREATE TABLE untouched (id int PRIMARY KEY, name text NOT NULL);
