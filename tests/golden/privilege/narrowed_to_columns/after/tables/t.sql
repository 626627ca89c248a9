CREATE TABLE t (a int, c int, d int);
REVOKE SELECT ON t FROM pg_monitor;
GRANT SELECT (a), UPDATE (c), SELECT (d) ON t TO pg_monitor;
