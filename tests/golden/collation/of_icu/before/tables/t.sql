CREATE TABLE t (id int PRIMARY KEY, name text COLLATE phone_book, code text COLLATE "de-x-icu");
CREATE INDEX t_name ON t (name);
