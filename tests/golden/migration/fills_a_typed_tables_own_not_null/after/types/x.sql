CREATE TYPE c AS (a int, b int, d text);
