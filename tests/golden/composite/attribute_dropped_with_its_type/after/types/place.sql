CREATE TYPE place AS (x integer);
