CREATE TABLE t (id integer, name text);
CREATE TABLE u (id integer, name text);
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM pg_monitor, PUBLIC;
GRANT SELECT ON t TO pg_monitor;
