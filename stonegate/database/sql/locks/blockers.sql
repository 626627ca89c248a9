-- Sessions of this database that hold or wait for locks on relations that are not the system's, the strongest first.
SELECT a.pid, a.usename::text AS role, a.application_name AS application, a.state, c.relname::text AS relation, l.mode
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_database AS d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND c.relnamespace <> 'pg_catalog'::regnamespace
JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_catalog.pg_backend_pid()
ORDER BY l.mode IN ('AccessShareLock', 'RowShareLock'), a.xact_start, a.pid
