CREATE TABLE t (id int, g int);
CREATE INDEX i ON t (id);
