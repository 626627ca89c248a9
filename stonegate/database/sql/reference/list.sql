-- All references that the role may see, the one that was used last first.
SELECT r.key, r.database::text AS database, r.fingerprint, r.owner::text AS owner, r.builder::text AS builder, r.facts,
    r.is_template, r.build_ms, r.built_at, r.used_at,
    CASE WHEN d.oid IS NOT NULL THEN pg_catalog.pg_database_size(d.oid) END AS bytes
FROM stonegate.reference_databases AS r
LEFT JOIN pg_catalog.pg_database AS d ON d.datname = r.database
ORDER BY r.used_at DESC, r.key
