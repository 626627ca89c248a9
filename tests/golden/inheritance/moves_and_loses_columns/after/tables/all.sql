CREATE TABLE a (x int, y text DEFAULT 'aa');
CREATE TABLE b (x int, z date);
CREATE TABLE c (x int, y text DEFAULT 'c', w int) INHERITS (a);
CREATE TABLE d () INHERITS (c);
CREATE VIEW v AS SELECT x, y, w FROM c;
