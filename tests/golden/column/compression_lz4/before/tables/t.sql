CREATE TABLE t (id int PRIMARY KEY, a text COMPRESSION lz4, b text COMPRESSION pglz, c jsonb);
CREATE TABLE parent (x text COMPRESSION lz4);
CREATE TABLE child () INHERITS (parent);
