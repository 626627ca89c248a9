-- One row per apply, newest first; without the table no rows. See read_state.sql for the block.
DO $read_deployments$
DECLARE
    answer CONSTANT refcursor := 'stonegate_deployments';
BEGIN
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments') IS NULL THEN
        OPEN answer FOR SELECT NULL WHERE false;
    ELSE
        OPEN answer FOR
        SELECT d.id, d.deployed_at, d.mode, d.digest, d.fingerprint, d.tool_version, d.plan_checksum, d.counts,
            d.duration_ms, d.executed_by, d.post_commit
        FROM public._stonescriptdb_gateway_deployments AS d
        ORDER BY d.id DESC
        LIMIT {limit};
    END IF;
END
$read_deployments$;
FETCH ALL FROM stonegate_deployments;
CLOSE stonegate_deployments
