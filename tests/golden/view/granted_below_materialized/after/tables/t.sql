CREATE TABLE t (id integer PRIMARY KEY, a integer);
GRANT SELECT ON t TO pg_monitor;
