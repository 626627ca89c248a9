CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0);
CREATE STATISTICS s (ndistinct) ON name, amount FROM t;
