CREATE TYPE person AS (id bigint, name varchar(40), born date);
CREATE TABLE author (id int PRIMARY KEY, name text, CHECK (name <> ''));
