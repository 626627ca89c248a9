CREATE TABLE named (name text, id bigint);
CREATE TABLE numbered (id integer);
CREATE TABLE thing (x integer) INHERITS (named);
