-- The index of that name on that table, if it is complete.
SELECT true
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
WHERE i.indrelid = pg_catalog.to_regclass(%s)::oid AND c.relname = %s AND i.indisvalid
