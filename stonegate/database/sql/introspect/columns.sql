-- Dropped columns keep their number. Of indexes only those columns that have a statistics target of their own.
SELECT a.attrelid AS relation, a.attnum AS number, a.attname AS name, a.attisdropped AS dropped,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation END AS collation,
    a.attnotnull AS not_null, a.attgenerated AS generated, a.attidentity AS identity, a.attislocal AS is_local,
    CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END AS storage, a.attcompression AS compression,
    nullif(a.attstattarget, -1) AS statistics, a.attoptions AS options, a.attfdwoptions AS fdw_options,
    a.attacl::text[] AS acl
FROM pg_catalog.pg_attribute AS a
LEFT JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid >= 16384 AND a.attnum > 0 AND (a.attstattarget >= 0 OR a.attrelid IN (
    SELECT oid FROM pg_catalog.pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'f', 'v', 'm', 'c')))
ORDER BY a.attrelid, a.attnum
