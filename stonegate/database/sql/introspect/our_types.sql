-- Enums, domains, ranges and composite types that are ours to see.
SELECT t.oid
FROM pg_catalog.pg_type AS t
JOIN ([[our_schemas]]) AS n ON n.oid = t.typnamespace
WHERE t.oid >= 16384
    AND (t.typtype IN ('e', 'd', 'r')
        OR t.typtype = 'c' AND (SELECT c.relkind FROM pg_catalog.pg_class AS c WHERE c.oid = t.typrelid) = 'c')
    AND t.oid NOT IN (
        SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e')
