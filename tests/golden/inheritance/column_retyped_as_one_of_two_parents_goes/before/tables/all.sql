CREATE TABLE named (name text, id integer);
CREATE TABLE numbered (id integer);
CREATE TABLE thing (x integer) INHERITS (named, numbered);
