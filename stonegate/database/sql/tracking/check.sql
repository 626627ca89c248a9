-- True if the tracking tables have all the columns that stonegate reads and writes. The tables of the original have
-- only the first few of them; behaviour, §7.
SELECT pg_catalog.count(a.attname) = pg_catalog.count(*)
FROM (VALUES
    ('migrations', 'id, migration_file, checksum, applied_at, stonegate_checksum, checksum_version, identity, '
        'baselined, source_file, plan_checksum, executed_by, duration_ms'),
    ('types', 'id, type_name, type_kind, checksum, source_file, deployed_at, stonegate_checksum, checksum_version, '
        'identity, plan_checksum, executed_by'),
    ('tables', 'id, table_name, checksum, source_file, deployed_at, stonegate_checksum, checksum_version, identity, '
        'plan_checksum, executed_by'),
    ('functions', 'id, function_name, signature, param_types, return_type, body_checksum, source_file, deployed_at, '
        'stonegate_checksum, checksum_version, identity, plan_checksum, executed_by'),
    ('changelog', 'id, change_type, object_name, change_detail, forced, executed_at, plan_checksum, executed_by, '
        'duration_ms'),
    ('deployments', 'id, digest, fingerprint, stamp, mode, tool_version, plan_checksum, counts, duration_ms, '
        'deployed_at, executed_by, catalog, catalog_checksum, live_checksum, introspection, missing_seeds, excepted, '
        'outside, post_commit')
) AS wanted (name, columns)
CROSS JOIN LATERAL pg_catalog.string_to_table(wanted.columns, ', ') AS part (name)
LEFT JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = pg_catalog.to_regclass('public._stonescriptdb_gateway_' || wanted.name)::oid
    AND a.attname = part.name AND NOT a.attisdropped
