-- True if this transaction has the apply lock, which the first statement of the script took: what was done since then is
-- as little committed as this.
EXISTS (
        SELECT FROM pg_catalog.pg_locks AS l
        WHERE l.locktype = 'advisory' AND l.pid = pg_catalog.pg_backend_pid() AND l.objsubid = 2
        AND l.classid = %(lock)s::oid AND l.objid = ([[script_lock]])::oid
    )
