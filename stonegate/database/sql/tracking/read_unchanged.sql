-- One row, one boolean: the last deployment was of this digest, nothing of it is unfinished, and the catalogs have not
-- moved since. In a block for the reason given in read_state.sql; the stamp is computed only if all else is true.
DO $read_unchanged$
DECLARE
    stonegate_answer CONSTANT refcursor := 'stonegate_unchanged';
BEGIN
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments') IS NULL THEN
        OPEN stonegate_answer FOR SELECT false;
    ELSE
        OPEN stonegate_answer FOR
        SELECT CASE WHEN last_deployment.digest IS NOT DISTINCT FROM {digest} AND NOT last_deployment.unfinished
            THEN last_deployment.stamp = {stamp} ELSE false END
        FROM (VALUES (1)) AS one (row)
        LEFT JOIN (
            SELECT d.digest, d.stamp, EXISTS (
                SELECT FROM pg_catalog.jsonb_each_text(d.post_commit) AS step (id, state) WHERE step.state <> 'done'
            ) AS unfinished
            FROM public._stonescriptdb_gateway_deployments AS d
            ORDER BY d.id DESC
            LIMIT 1
        ) AS last_deployment ON true;
    END IF;
END
$read_unchanged$;
FETCH ALL FROM stonegate_unchanged;
CLOSE stonegate_unchanged
