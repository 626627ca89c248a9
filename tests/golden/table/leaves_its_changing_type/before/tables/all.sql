CREATE TYPE person AS (id int, name text);
CREATE TABLE author OF person (PRIMARY KEY (id), CHECK (name <> ''));
