CREATE TYPE reading AS (v int, quality int);
CREATE FUNCTION public.read(v int) RETURNS public.reading LANGUAGE sql IMMUTABLE AS 'SELECT ROW(v, 1)::public.reading';
CREATE TABLE sample (v int);
CREATE VIEW good AS SELECT (read(v)).v FROM sample;
CREATE MATERIALIZED VIEW total AS SELECT sum(v) FROM good;
