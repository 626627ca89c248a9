SELECT pg_catalog.md5(pg_catalog.string_agg(s.text, ' '))
FROM (
    SELECT 'c' || coalesce(pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint)), 0) AS text
    FROM pg_catalog.pg_class WHERE oid >= 16384
    UNION ALL
    SELECT 'a' || coalesce(pg_catalog.sum(pg_catalog.hashoidextended(attrelid, xmin::text::bigint + attnum)), 0)
    FROM pg_catalog.pg_attribute WHERE attrelid >= 16384 AND attnum > 0
    UNION ALL
    SELECT 'p' || coalesce(pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint)), 0)
    FROM pg_catalog.pg_proc WHERE oid >= 16384
) AS s
