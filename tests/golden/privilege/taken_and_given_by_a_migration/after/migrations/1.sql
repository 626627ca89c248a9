-- What a release in between did, and this one no longer wants.
REVOKE ALL ON t FROM pg_monitor;
REVOKE UPDATE (a) ON t FROM pg_monitor;
GRANT DELETE ON t TO pg_monitor;
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM pg_monitor;
