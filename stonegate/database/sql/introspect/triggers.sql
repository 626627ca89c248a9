-- Those that PostgreSQL made for itself only where somebody switched them.
SELECT t.oid, t.tgname AS name, t.tgrelid AS relation, t.tgenabled AS enabled, t.tgisinternal OR t.tgparentid <> 0 AS inner,
    t.tgparentid AS parent, n.nspname AS routine_schema, p.proname AS routine_name,
    CASE WHEN NOT t.tgisinternal AND t.tgparentid = 0 THEN pg_catalog.pg_get_triggerdef(t.oid) END AS definition
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS r ON r.oid = t.tgrelid
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE t.oid >= 16384 AND r.relpersistence <> 't' AND (NOT t.tgisinternal OR t.tgenabled <> 'O')
ORDER BY t.tgname
