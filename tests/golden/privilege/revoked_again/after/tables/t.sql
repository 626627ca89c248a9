CREATE TABLE t (id integer, name text);
REVOKE ALL ON t FROM pg_monitor;
