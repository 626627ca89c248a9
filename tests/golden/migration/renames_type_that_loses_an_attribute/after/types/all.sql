CREATE TYPE pt2 AS (x int);
