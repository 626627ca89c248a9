-- The stored reference of one key. Only what the role itself or a superuser has built is believed, in a table of the
-- role's own or of a superuser's: anybody who may create databases can write rows about anybody's folder.
WITH touched AS (
    UPDATE stonegate.reference_databases SET used_at = now()
    WHERE key = %(key)s AND builder = current_user AND used_at < now() - interval '1 hour'
)
SELECT r.database::text AS database, r.is_template AND d.datallowconn IS NOT DISTINCT FROM false AS is_template,
    r.catalog AS catalog, d.oid IS NOT NULL AS is_there
FROM stonegate.reference_databases AS r
JOIN pg_catalog.pg_roles AS b ON b.rolname = r.builder
JOIN pg_catalog.pg_class AS c ON c.oid = 'stonegate.reference_databases'::regclass
JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
LEFT JOIN pg_catalog.pg_database AS d ON d.datname = r.database
WHERE r.key = %(key)s AND (r.builder = current_user OR b.rolsuper) AND (o.rolname = current_user OR o.rolsuper)
ORDER BY r.builder = current_user DESC
LIMIT 1
