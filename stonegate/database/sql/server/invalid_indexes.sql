-- Indexes that a failed or killed CREATE or REINDEX INDEX CONCURRENTLY left behind; not those being built right now.
SELECT n.nspname::text AS schema, c.relname::text AS name, t.relname::text AS "table"
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid
    )
ORDER BY n.nspname, c.relname
