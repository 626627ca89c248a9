-- The changelog, newest first; without its table no rows. See read_state.sql for the block; an original's changelog
-- lacks our columns, hence to_jsonb.
DO $read_history$
DECLARE
    answer CONSTANT refcursor := 'stonegate_history';
BEGIN
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_changelog') IS NULL THEN
        OPEN answer FOR SELECT NULL WHERE false;
    ELSE
        OPEN answer FOR
        SELECT c.id, c.executed_at::timestamptz, c.change_type, c.object_name, c.change_detail, c.forced,
            whole.row ->> 'plan_checksum', whole.row ->> 'executed_by', (whole.row ->> 'duration_ms')::float8
        FROM public._stonescriptdb_gateway_changelog AS c
        CROSS JOIN LATERAL pg_catalog.to_jsonb(c) AS whole (row)
        WHERE ({object}::text IS NULL OR c.object_name = {object}
            OR pg_catalog.starts_with(c.object_name, {object} || '.')
            OR pg_catalog.starts_with(c.object_name, {object} || '(') OR EXISTS (
            -- A step may change several parts of a table: "alter column users.email type".
            SELECT FROM pg_catalog.jsonb_path_query(c.change_detail::jsonb, 'lax $.changes[*]') AS change (part)
            CROSS JOIN LATERAL pg_catalog.regexp_replace(
                change.part #>> '{{}}', '^[a-z]+ (default privileges|materialized view|[a-z]+) ', ''
            ) AS known (label)
            WHERE known.label = {object} OR pg_catalog.starts_with(known.label, {object} || ' ')
                OR pg_catalog.starts_with(known.label, {object} || '.')
                OR pg_catalog.starts_with(known.label, {object} || '(')
        ))
        AND (c.forced OR NOT {forced_only})
        AND ({since}::timestamptz IS NULL OR c.executed_at::timestamptz > {since})
        ORDER BY c.id DESC
        LIMIT {limit};
    END IF;
END
$read_history$;
FETCH ALL FROM stonegate_history;
CLOSE stonegate_history
