CREATE TABLE t (a int, c int);
GRANT SELECT ON t TO pg_monitor;
GRANT SELECT (a), UPDATE (c) ON t TO pg_monitor;
