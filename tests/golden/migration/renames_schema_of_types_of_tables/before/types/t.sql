CREATE TYPE s.c AS (x int);
CREATE TYPE o.c AS (x int);
