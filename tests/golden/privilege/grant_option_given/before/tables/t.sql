CREATE SCHEMA s;
CREATE TABLE s.t (id integer, n integer);
GRANT SELECT ON s.t TO pg_monitor;
GRANT UPDATE (n) ON s.t TO pg_monitor;
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO pg_monitor;
