SELECT x.indexrelid AS oid, x.indrelid AS relation, x.indkey::int2[] AS columns, x.indisunique AS is_unique,
    x.indisvalid AS valid, x.indisclustered AS clustered, x.indisreplident AS replica_identity,
    x.indexprs IS NOT NULL OR x.indpred IS NOT NULL AS computed, pg_catalog.pg_get_expr(x.indpred, x.indrelid) AS predicate,
    -- The definition of a constraint says all about its index.
    CASE WHEN x.indexrelid NOT IN (SELECT conindid FROM pg_catalog.pg_constraint WHERE contype IN ('p', 'u', 'x'))
        THEN pg_catalog.pg_get_indexdef(x.indexrelid) END AS definition
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS r ON r.oid = x.indrelid
WHERE x.indexrelid >= 16384 AND r.relkind <> 't' AND r.relpersistence <> 't'
