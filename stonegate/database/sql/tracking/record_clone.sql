-- A clone carries the records of the build that it was copied from: they become those of the clone, deployed now, by
-- whoever made it; and the changelog says where everything came from. A stamp is taken last, after the rows.
WITH copied AS (
    UPDATE public._stonescriptdb_gateway_changelog SET executed_at = now(), executed_by = session_user::text
), origin AS (
    INSERT INTO public._stonescriptdb_gateway_changelog (change_type, object_name, change_detail, executed_by)
    VALUES (
        'clone_database', pg_catalog.current_database(),
        pg_catalog.jsonb_build_object('template', %(template)s::text, 'fingerprint', %(fingerprint)s::text),
        session_user::text
    )
)
UPDATE public._stonescriptdb_gateway_deployments SET
    digest = %(digest)s, deployed_at = now(), executed_by = session_user::text, duration_ms = %(duration_ms)s,
    stamp = {stamp}
WHERE id = (SELECT pg_catalog.max(d.id) FROM public._stonescriptdb_gateway_deployments AS d)
RETURNING id
