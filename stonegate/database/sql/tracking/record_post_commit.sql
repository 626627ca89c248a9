-- The state of one statement that ran after the commit.
UPDATE public._stonescriptdb_gateway_deployments
SET post_commit = post_commit OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(%(step)s::text, %(state)s::text)
WHERE id = %(deployment)s
