-- As dumps of PostgreSQL 9 and 10 begin: every database has it already.
CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';

CREATE TABLE things (id integer PRIMARY KEY);
