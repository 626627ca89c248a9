CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0);
CREATE INDEX t_x ON t (name);
CREATE TABLE u (id integer);
CREATE INDEX moved ON t (name);
