-- Rows of functions that have none yet.
INSERT INTO public._stonescriptdb_gateway_functions (
    function_name, signature, param_types, return_type, body_checksum, source_file, stonegate_checksum,
    checksum_version, identity, plan_checksum, executed_by
)
SELECT w.name, w.signature, w.param_types, w.return_type, w.checksum, w.file, w.stonegate_checksum,
    %(checksum_version)s, w.identity, %(plan_checksum)s, session_user::text
FROM wanted AS w
WHERE NOT EXISTS (
    SELECT FROM public._stonescriptdb_gateway_functions AS f
    WHERE f.function_name::text = w.name AND f.param_types::text[] OPERATOR(pg_catalog.=) w.param_types
)
ORDER BY w.number
