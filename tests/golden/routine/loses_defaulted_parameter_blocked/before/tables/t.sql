CREATE TABLE t (id int, g int GENERATED ALWAYS AS (f(id, 1)) STORED);
