CREATE TABLE new (id integer);
REVOKE ALL ON new FROM pg_monitor;
