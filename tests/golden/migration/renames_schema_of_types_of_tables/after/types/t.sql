CREATE TYPE s2.c AS (x int);
CREATE TYPE o.d AS (x int);
