CREATE TABLE t (id int PRIMARY KEY, at int4range, CONSTRAINT apart EXCLUDE USING gist (at WITH &&));
