CREATE TYPE person AS (id int, name text, initial text);
