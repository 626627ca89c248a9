-- The state of one statement that ran after the commit. When the last one is done, the stamp follows, since our own
-- statements have moved the catalogs.
UPDATE public._stonescriptdb_gateway_deployments AS d
SET post_commit = d.post_commit || next.state,
    stamp = CASE WHEN EXISTS (
        SELECT FROM pg_catalog.jsonb_each_text(d.post_commit || next.state) AS step (id, state)
        WHERE step.state <> 'done'
    ) THEN d.stamp ELSE {stamp} END
FROM (SELECT pg_catalog.jsonb_build_object(%(step)s::text, %(state)s::text) AS state) AS next
WHERE d.id = %(deployment)s
