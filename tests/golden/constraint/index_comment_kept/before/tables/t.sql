CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL, m int, CONSTRAINT u UNIQUE (n));
COMMENT ON INDEX u IS 'what makes them unique';
