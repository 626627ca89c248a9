-- The last write of an apply: the stamp is taken here, so that it covers all that the transaction did before. Only the
-- latest row keeps the catalog.
WITH earlier AS (
    UPDATE public._stonescriptdb_gateway_deployments SET catalog = NULL WHERE catalog IS NOT NULL
)
INSERT INTO public._stonescriptdb_gateway_deployments (
    digest, fingerprint, stamp, mode, tool_version, plan_checksum, counts, duration_ms, executed_by, catalog,
    missing_seeds, excepted, post_commit
)
VALUES (
    %(digest)s, %(fingerprint)s, {stamp}, %(mode)s, %(tool_version)s, %(plan_checksum)s, %(counts)s::jsonb,
    %(duration_ms)s, coalesce(%(executed_by)s, session_user::text), %(catalog)s, %(missing_seeds)s, %(excepted)s,
    %(post_commit)s::jsonb
)
RETURNING id
