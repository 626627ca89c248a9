CREATE TYPE ct AS (a bigint, b text, c int);
