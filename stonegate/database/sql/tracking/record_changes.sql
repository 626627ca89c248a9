-- One changelog row per step, in the order of execution.
INSERT INTO public._stonescriptdb_gateway_changelog (
    change_type, object_name, change_detail, forced, plan_checksum, executed_by, duration_ms
)
SELECT c.change_type, c.object_name, c.change_detail, c.forced, %(plan_checksum)s,
    session_user::text, c.duration_ms
FROM ROWS FROM (pg_catalog.jsonb_to_recordset(%(rows)s::jsonb) AS (
    change_type text, object_name text, change_detail jsonb, forced boolean, duration_ms double precision
)) WITH ORDINALITY AS c (change_type, object_name, change_detail, forced, duration_ms, number)
ORDER BY c.number
