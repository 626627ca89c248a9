-- New migrations are added. Of known ones only the checksums follow (a consented change of an applied file); when and
-- how they ran stays as it was, and no row is ever removed: it says what happened.
WITH wanted AS (
    SELECT * FROM pg_catalog.jsonb_to_recordset(%(rows)s::jsonb) AS w (
        number integer, name text, checksum text, stonegate_checksum text, identity text, baselined boolean,
        file text, duration_ms double precision
    )
),
changed AS (
    UPDATE public._stonescriptdb_gateway_migrations AS m
    SET checksum = w.checksum, stonegate_checksum = w.stonegate_checksum, checksum_version = %(checksum_version)s,
        identity = w.identity, source_file = w.file
    FROM wanted AS w
    WHERE m.migration_file::text = w.name
    AND (m.checksum::text, m.stonegate_checksum::text, m.checksum_version, m.identity::text, m.source_file::text)
        IS DISTINCT FROM (w.checksum, w.stonegate_checksum, %(checksum_version)s, w.identity, w.file)
)
INSERT INTO public._stonescriptdb_gateway_migrations (
    migration_file, checksum, stonegate_checksum, checksum_version, identity, baselined, source_file, plan_checksum,
    executed_by, duration_ms
)
SELECT w.name, w.checksum, w.stonegate_checksum, %(checksum_version)s, w.identity, w.baselined, w.file,
    %(plan_checksum)s, session_user::text, w.duration_ms
FROM wanted AS w
WHERE NOT EXISTS (SELECT FROM public._stonescriptdb_gateway_migrations AS m WHERE m.migration_file::text = w.name)
ORDER BY w.number
