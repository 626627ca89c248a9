-- Enums, domains, ranges and composite types that are ours to see.
SELECT t.oid, t.typname AS name, n.name AS schema, t.typtype AS kind, t.typrelid AS relation, t.typowner AS owner,
    t.typacl AS acl, t.typbasetype, t.typtypmod, t.typcollation, t.typnotnull, t.typdefaultbin, t.typdefault,
    concat('"schema":', to_json(n.name::text), ',"name":', to_json(t.typname::text)) AS named
FROM pg_catalog.pg_type AS t
JOIN spaces AS n ON n.oid = t.typnamespace
WHERE t.oid >= 16384
    AND (t.typtype IN ('e', 'd', 'r')
        OR t.typtype = 'c' AND (SELECT c.relkind FROM pg_catalog.pg_class AS c WHERE c.oid = t.typrelid) = 'c')
    AND t.oid NOT IN (
        SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e')
