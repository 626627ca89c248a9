CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0);
CREATE INDEX a ON t (name);
CREATE INDEX b ON t (name);
