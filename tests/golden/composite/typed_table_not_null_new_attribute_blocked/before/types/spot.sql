CREATE TYPE spot AS (id integer);
