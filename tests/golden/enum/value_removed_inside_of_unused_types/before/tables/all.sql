CREATE TYPE level AS ENUM ('lo', 'mid', 'hi');
CREATE DOMAIN usual AS level DEFAULT 'lo';
CREATE TYPE pair AS (a level, b usual, c int);
COMMENT ON TYPE pair IS 'two';
COMMENT ON COLUMN pair.a IS 'one of two';
CREATE TYPE pairs AS (p pair, others pair[]);
CREATE FUNCTION f(pairs) RETURNS SETOF pair LANGUAGE sql AS 'SELECT ($1).p';
CREATE VIEW v AS SELECT f(NULL) AS y;
CREATE TABLE t (id int, l pair);
