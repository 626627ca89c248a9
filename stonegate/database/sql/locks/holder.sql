-- Who holds an advisory lock of two int4 keys (objsubid 2) in this database (manual 54.12 and 9.28.10).
SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''), a.backend_start
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
AND l.classid = %(space)s::bigint::oid AND l.objid = %(object)s::bigint::oid
LIMIT 1
