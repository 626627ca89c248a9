-- The last statement of a step after the commit is done, and with it the step, if none of the others failed.
BEGIN
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments') IS NOT NULL THEN
        [[record_post_commit]];
        IF EXISTS (
            SELECT FROM public._stonescriptdb_gateway_deployments AS d
            WHERE d.id = %(deployment)s AND d.post_commit OPERATOR(pg_catalog.@>) %(done)s::jsonb
        ) THEN
{records}
        END IF;
    END IF;
END
