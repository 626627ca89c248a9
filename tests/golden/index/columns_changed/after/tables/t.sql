CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0);
CREATE INDEX t_x ON t (name, amount DESC NULLS LAST);
CREATE TABLE u (id integer);
CREATE INDEX moved ON u (id);
