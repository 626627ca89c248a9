-- Complete indexes that a table has got since a statement was first noted as started, with names that begin as those do
-- which PostgreSQL makes up: whether they are unique, and their columns.
SELECT i.indisunique, ARRAY(
        SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    )
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
WHERE t.oid = pg_catalog.to_regclass(%(table)s)::oid AND i.indisvalid
    AND pg_catalog.starts_with(c.relname::text, t.relname::text || '_')
    AND pg_catalog.age(c.xmin) < (
        SELECT pg_catalog.max(pg_catalog.age(d.xmin)) FROM public._stonescriptdb_gateway_deployments AS d
        WHERE d.post_commit ->> %(step)s = 'started'
    )
