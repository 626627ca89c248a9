-- Nothing that had to follow the commit is left, and no difference that awaits it is tolerated any more.
BEGIN
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments') IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM public._stonescriptdb_gateway_deployments AS d
            WHERE d.id = %(deployment)s AND d.post_commit OPERATOR(pg_catalog.@?) '$.* ? (@ != "done")'
        ) THEN
            [[record_settled]];
        END IF;
    END IF;
END
