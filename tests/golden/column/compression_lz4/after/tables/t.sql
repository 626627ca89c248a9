CREATE TABLE t (
    id int PRIMARY KEY, a text, b text COMPRESSION lz4, c jsonb COMPRESSION lz4, d bytea COMPRESSION lz4
);
CREATE TABLE parent (x text);
CREATE TABLE child (y text COMPRESSION lz4) INHERITS (parent);
