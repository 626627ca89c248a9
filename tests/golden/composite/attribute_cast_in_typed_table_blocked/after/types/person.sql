CREATE TYPE person AS (id int, age int);
