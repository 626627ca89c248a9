-- The same as read_state, for tables that are all there with the columns of this version: a plain query, for which a
-- fresh session needs no PL/pgSQL. Of the rows only the columns that are read, without their names (state.py).
SELECT true,
    (SELECT json_agg(json_build_array({migration}) ORDER BY m.id) FROM public._stonescriptdb_gateway_migrations AS m),
    (SELECT json_agg(json_build_array({type}) ORDER BY t.id) FROM public._stonescriptdb_gateway_types AS t),
    (SELECT json_agg(json_build_array({table}) ORDER BY t.id) FROM public._stonescriptdb_gateway_tables AS t),
    (SELECT json_agg(json_build_array({routine}) ORDER BY f.id) FROM public._stonescriptdb_gateway_functions AS f),
    CASE WHEN latest.id IS NOT NULL THEN json_build_object(
        'id', latest.id, 'digest', latest.digest, 'fingerprint', latest.fingerprint, 'stamp', latest.stamp,
        'missing_seeds', latest.missing_seeds, 'excepted', latest.excepted, 'outside', latest.outside,
        'post_commit', latest.post_commit,
        'tool_version', latest.tool_version, 'catalog_checksum', latest.catalog_checksum,
        'live_checksum', latest.live_checksum, 'introspection', latest.introspection,
        'executed_by', latest.executed_by, 'mode', latest.mode
    ) END,
    (SELECT json_agg(d.fingerprint ORDER BY d.id) FROM public._stonescriptdb_gateway_deployments AS d),
    CASE WHEN {with_catalog} AND NOT coalesce(latest.catalog_checksum = ANY ({known}::text[]), false)
        THEN latest.catalog END,
    {with_stamp} AND coalesce(latest.stamp = {stamp}, false),
    {essence}
FROM (VALUES (1)) AS one
LEFT JOIN (
    SELECT * FROM public._stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1
) AS latest ON true
