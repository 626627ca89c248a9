-- The last write of an apply. Its stamp is that of before the catalog was last read, so that whatever another session
-- commits meanwhile moves it; where nothing was read it is taken here. Only the latest row keeps the catalog; the one
-- before it stays untouched where it noted that a statement began, so that its xmin tells when (unnamed_indexes.sql).
WITH earlier AS (
    UPDATE public._stonescriptdb_gateway_deployments AS d SET catalog = NULL
    WHERE d.catalog IS NOT NULL AND (
        NOT d.post_commit OPERATOR(pg_catalog.@?) '$.* ? (@ == "started")'
        OR EXISTS (SELECT FROM public._stonescriptdb_gateway_deployments AS l WHERE l.id > d.id)
    )
)
INSERT INTO public._stonescriptdb_gateway_deployments (
    digest, fingerprint, stamp, mode, tool_version, plan_checksum, counts, duration_ms, executed_by, catalog,
    catalog_checksum, live_checksum, introspection, missing_seeds, excepted, outside, post_commit
)
VALUES (
    %(digest)s, %(fingerprint)s, {stamp}, %(mode)s, %(tool_version)s, %(plan_checksum)s, %(counts)s::jsonb,
    %(duration_ms)s, session_user::text, %(catalog)s,
    %(catalog_checksum)s, %(live_checksum)s, %(introspection)s, %(missing_seeds)s, %(excepted)s, %(outside)s,
    %(post_commit)s::jsonb
)
RETURNING id
