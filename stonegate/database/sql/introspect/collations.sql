-- Those that a column or a type has for itself.
SELECT c.oid, format('%I.%I', n.nspname, c.collname) AS printed
FROM pg_catalog.pg_collation AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
WHERE c.oid IN (
    SELECT attcollation FROM pg_catalog.pg_attribute WHERE attrelid >= 16384 AND attnum > 0
    UNION ALL
    SELECT typcollation FROM pg_catalog.pg_type WHERE oid >= 16384
    UNION ALL
    SELECT rngcollation FROM pg_catalog.pg_range WHERE rngtypid >= 16384
)
