-- As record_types.sql, for tables.
WITH wanted AS (
    SELECT * FROM pg_catalog.jsonb_to_recordset(%(rows)s::jsonb) AS w (
        number integer, name text, checksum text, stonegate_checksum text, identity text, file text
    )
),
gone AS (
    DELETE FROM public._stonescriptdb_gateway_tables AS t
    WHERE NOT EXISTS (SELECT FROM wanted AS w WHERE w.name = t.table_name::text)
),
changed AS (
    UPDATE public._stonescriptdb_gateway_tables AS t
    SET checksum = w.checksum, source_file = w.file, deployed_at = now(), stonegate_checksum = w.stonegate_checksum,
        checksum_version = %(checksum_version)s, identity = w.identity, plan_checksum = %(plan_checksum)s,
        executed_by = session_user::text
    FROM wanted AS w
    WHERE t.table_name::text = w.name
    AND (t.checksum::text, t.source_file::text, t.stonegate_checksum::text, t.checksum_version, t.identity::text)
        IS DISTINCT FROM (w.checksum, w.file, w.stonegate_checksum, %(checksum_version)s, w.identity)
)
INSERT INTO public._stonescriptdb_gateway_tables (
    table_name, checksum, source_file, stonegate_checksum, checksum_version, identity, plan_checksum, executed_by
)
SELECT w.name, w.checksum, w.file, w.stonegate_checksum, %(checksum_version)s, w.identity, %(plan_checksum)s,
    session_user::text
FROM wanted AS w
WHERE NOT EXISTS (SELECT FROM public._stonescriptdb_gateway_tables AS t WHERE t.table_name::text = w.name)
ORDER BY w.number
