-- The rows become those of the plan: what it lacks goes, what differs follows, what is new is added; equal rows stay
-- untouched. As text, since the original's columns are varchar, and the owner may make ours varchar: for that pair of
-- types the server has no operator, and one that somebody made in `public` would run.
WITH wanted AS (
    SELECT * FROM pg_catalog.jsonb_to_recordset(%(rows)s::jsonb) AS w (
        number integer, name text, detail text, checksum text, stonegate_checksum text, identity text, file text
    )
),
gone AS (
    DELETE FROM public._stonescriptdb_gateway_types AS t
    WHERE NOT EXISTS (SELECT FROM wanted AS w WHERE w.name = t.type_name::text)
),
changed AS (
    UPDATE public._stonescriptdb_gateway_types AS t
    SET type_kind = w.detail, checksum = w.checksum, source_file = w.file, deployed_at = now(),
        stonegate_checksum = w.stonegate_checksum, checksum_version = %(checksum_version)s, identity = w.identity,
        plan_checksum = %(plan_checksum)s, executed_by = session_user::text
    FROM wanted AS w
    WHERE t.type_name::text = w.name
    AND (t.type_kind::text, t.checksum::text, t.source_file::text, t.stonegate_checksum::text, t.checksum_version,
            t.identity::text)
        IS DISTINCT FROM (w.detail, w.checksum, w.file, w.stonegate_checksum, %(checksum_version)s, w.identity)
)
INSERT INTO public._stonescriptdb_gateway_types (
    type_name, type_kind, checksum, source_file, stonegate_checksum, checksum_version, identity, plan_checksum,
    executed_by
)
SELECT w.name, w.detail, w.checksum, w.file, w.stonegate_checksum, %(checksum_version)s, w.identity,
    %(plan_checksum)s, session_user::text
FROM wanted AS w
WHERE NOT EXISTS (SELECT FROM public._stonescriptdb_gateway_types AS t WHERE t.type_name::text = w.name)
ORDER BY w.number
