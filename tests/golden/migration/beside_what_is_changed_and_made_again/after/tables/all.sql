CREATE TABLE o (x int);
CREATE TABLE t (a text, g text, b int);
CREATE VIEW v AS SELECT g, b FROM t WHERE b > 0;
CREATE TYPE e AS ENUM ('b');
CREATE TYPE c AS (k e, n int);
CREATE FUNCTION f(c) RETURNS int LANGUAGE sql AS 'SELECT 2';
