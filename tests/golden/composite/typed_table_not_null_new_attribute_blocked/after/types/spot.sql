CREATE TYPE spot AS (id integer, size integer);
