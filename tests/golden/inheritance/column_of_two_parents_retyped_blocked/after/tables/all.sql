CREATE TABLE named (name text, id bigint);
CREATE TABLE numbered (id bigint);
CREATE TABLE thing (x integer) INHERITS (named, numbered);
