CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0);
CREATE SEQUENCE n;
ALTER TABLE t ALTER COLUMN amount SET DEFAULT nextval('n');
