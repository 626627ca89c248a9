-- All types, since anything may depend on them; only those that are `ours` are described.
-- Found once and hashed, as in relations.sql.
WITH our AS MATERIALIZED ([[our_types]])
SELECT t.oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind, t.typcategory AS category,
    t.oid IN (SELECT oid FROM our) AS ours, t.typrelid AS relation, t.typarray AS array_type,
    pg_catalog.pg_get_userbyid(t.typowner) AS owner, t.typacl::text[] AS acl,
    CASE WHEN t.typacl IS NOT NULL THEN pg_catalog.acldefault('T', t.typowner)::text[] END AS usual,
    CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END AS base,
    CASE WHEN t.typtype = 'd'
        AND t.typcollation <> (SELECT b.typcollation FROM pg_catalog.pg_type AS b WHERE b.oid = t.typbasetype)
        THEN t.typcollation END AS collation,
    t.typnotnull AS not_null, coalesce(pg_catalog.pg_get_expr(t.typdefaultbin, 0), t.typdefault) AS default
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.oid >= 16384
