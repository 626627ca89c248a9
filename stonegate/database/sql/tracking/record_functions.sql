-- As record_types.sql, for routines; a row is known by name and parameter types, as the original's UNIQUE says.
WITH wanted AS (
    SELECT * FROM pg_catalog.jsonb_to_recordset(%(rows)s::jsonb) AS w (
        number integer, name text, signature text, param_types text[], return_type text, checksum text,
        stonegate_checksum text, identity text, file text
    )
),
gone AS (
    DELETE FROM public._stonescriptdb_gateway_functions AS f
    WHERE NOT EXISTS (
        SELECT FROM wanted AS w WHERE w.name = f.function_name AND w.param_types OPERATOR(pg_catalog.=) f.param_types
    )
),
changed AS (
    UPDATE public._stonescriptdb_gateway_functions AS f
    SET signature = w.signature, return_type = w.return_type, body_checksum = w.checksum, source_file = w.file,
        deployed_at = now(), stonegate_checksum = w.stonegate_checksum, checksum_version = %(checksum_version)s,
        identity = w.identity, plan_checksum = %(plan_checksum)s,
        executed_by = session_user::text
    FROM wanted AS w
    WHERE f.function_name = w.name AND f.param_types OPERATOR(pg_catalog.=) w.param_types
    AND (f.signature, f.return_type, f.body_checksum, f.source_file, f.stonegate_checksum, f.checksum_version,
            f.identity)
        IS DISTINCT FROM (w.signature, w.return_type, w.checksum, w.file, w.stonegate_checksum,
            %(checksum_version)s, w.identity)
)
INSERT INTO public._stonescriptdb_gateway_functions (
    function_name, signature, param_types, return_type, body_checksum, source_file, stonegate_checksum,
    checksum_version, identity, plan_checksum, executed_by
)
SELECT w.name, w.signature, w.param_types, w.return_type, w.checksum, w.file, w.stonegate_checksum,
    %(checksum_version)s, w.identity, %(plan_checksum)s, session_user::text
FROM wanted AS w
WHERE NOT EXISTS (
    SELECT FROM public._stonescriptdb_gateway_functions AS f
    WHERE f.function_name = w.name AND f.param_types OPERATOR(pg_catalog.=) w.param_types
)
ORDER BY w.number
