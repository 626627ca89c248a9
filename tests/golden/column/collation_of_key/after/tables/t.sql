CREATE TABLE t (name text COLLATE "POSIX" UNIQUE, note text COLLATE "POSIX");
CREATE INDEX t_name ON t (lower(name));
