-- ALTER DATABASE … SET, for all roles.
SELECT s.entry
FROM pg_catalog.pg_db_role_setting AS d
CROSS JOIN LATERAL unnest(d.setconfig) AS s (entry)
WHERE d.setrole = 0 AND d.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
