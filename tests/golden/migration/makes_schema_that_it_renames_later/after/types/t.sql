CREATE SCHEMA g; CREATE TYPE g.spot AS (x int, y int);
