CREATE TABLE t (id int PRIMARY KEY, room int4range, a int, b int, CONSTRAINT apart EXCLUDE USING gist (room WITH &&, int4range(a, b) WITH &&));
