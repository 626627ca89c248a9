CREATE TABLE t (name text COLLATE "C" UNIQUE, note text COLLATE "C");
CREATE INDEX t_name ON t (lower(name));
