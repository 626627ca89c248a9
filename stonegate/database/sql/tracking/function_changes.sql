-- Rows of functions that differ from the wanted ones follow these; equal rows stay untouched.
UPDATE public._stonescriptdb_gateway_functions AS f
SET signature = w.signature, return_type = w.return_type, body_checksum = w.checksum, source_file = w.file,
    deployed_at = now(), stonegate_checksum = w.stonegate_checksum, checksum_version = %(checksum_version)s,
    identity = w.identity, plan_checksum = %(plan_checksum)s,
    executed_by = session_user::text
FROM wanted AS w
WHERE f.function_name::text = w.name AND f.param_types::text[] OPERATOR(pg_catalog.=) w.param_types
AND (f.signature::text, f.return_type::text, f.body_checksum::text, f.source_file::text, f.stonegate_checksum::text,
        f.checksum_version, f.identity::text)
    IS DISTINCT FROM (w.signature, w.return_type, w.checksum, w.file, w.stonegate_checksum,
        %(checksum_version)s, w.identity)
