-- Databases that hold somebody's data (manual 53.15 pg_database).
SELECT d.datname
FROM pg_catalog.pg_database AS d
WHERE NOT d.datistemplate AND d.datallowconn AND d.datname <> ALL (%(maintenance)s)
    AND NOT EXISTS (
        SELECT FROM unnest(%(prefixes)s::text[]) AS own (prefix) WHERE pg_catalog.starts_with(d.datname, own.prefix)
    )
ORDER BY d.datname
