CREATE TYPE spot AS (x int, y int);
