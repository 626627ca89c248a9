-- How far a statement after the commit is, if what stands before that was recorded.
BEGIN
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments') IS NOT NULL THEN
        [[record_post_commit]];
    END IF;
END
