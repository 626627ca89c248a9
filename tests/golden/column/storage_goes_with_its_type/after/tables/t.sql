CREATE TABLE t (id integer PRIMARY KEY, code integer, words varchar(20), kept varchar(20));
ALTER TABLE t ALTER COLUMN kept SET STORAGE MAIN;
