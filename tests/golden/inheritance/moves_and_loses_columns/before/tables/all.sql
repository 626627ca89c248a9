CREATE TABLE a (x int, y text DEFAULT 'a');
CREATE TABLE b (x bigint, z date, n int DEFAULT 1);
CREATE TABLE c (x bigint, y text DEFAULT 'c2', w int) INHERITS (b);
CREATE TABLE d () INHERITS (c);
CREATE VIEW v AS SELECT x, y, w, n FROM c;
