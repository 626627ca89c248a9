CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, kind text NOT NULL, made text NOT NULL DEFAULT first());
CREATE TABLE untouched (id int PRIMARY KEY, name text NOT NULL);
