-- All that the tracking tables hold, in one round trip and whichever of them exist. A plain query fails where a table
-- is missing; PL/pgSQL plans a query only when it comes to it, and the cursor carries the answer out of the block.
DO $read_state$
DECLARE
    answer CONSTANT refcursor := 'stonegate_tracking_state';
    found_any boolean := false;
    applied json;
    types json;
    tables json;
    routines json;
    latest json;
    declared bytea;
    fingerprints json;
    columns text;
    stonegate_unmoved boolean := false;
BEGIN
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_migrations') IS NOT NULL THEN
        found_any := true;
        applied := (SELECT json_agg(m ORDER BY m.id) FROM public._stonescriptdb_gateway_migrations AS m);
    END IF;
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_types') IS NOT NULL THEN
        found_any := true;
        types := (SELECT json_agg(t ORDER BY t.id) FROM public._stonescriptdb_gateway_types AS t);
    END IF;
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_tables') IS NOT NULL THEN
        found_any := true;
        tables := (SELECT json_agg(t ORDER BY t.id) FROM public._stonescriptdb_gateway_tables AS t);
    END IF;
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_functions') IS NOT NULL THEN
        found_any := true;
        routines := (SELECT json_agg(f ORDER BY f.id) FROM public._stonescriptdb_gateway_functions AS f);
    END IF;
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments') IS NOT NULL THEN
        found_any := true;
        fingerprints := (
            SELECT json_agg(d.fingerprint ORDER BY d.id) FROM public._stonescriptdb_gateway_deployments AS d
        );
        -- An older stonegate's table lacks some of these.
        columns := (
            SELECT string_agg(format('d.%I', a.attname), ', ')
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = 'public._stonescriptdb_gateway_deployments'::regclass AND NOT a.attisdropped
            AND a.attname IN ('id', 'digest', 'fingerprint', 'stamp', 'missing_seeds', 'excepted', 'outside',
                'post_commit', 'tool_version', 'catalog_checksum', 'live_checksum', 'introspection', 'executed_by',
                'mode')
        );
        EXECUTE format(
            'SELECT row_to_json(latest) FROM ('
            'SELECT %s FROM public._stonescriptdb_gateway_deployments AS d ORDER BY d.id DESC LIMIT 1) AS latest',
            columns
        ) INTO latest;
        IF {with_catalog} AND NOT coalesce(latest ->> 'catalog_checksum' = ANY ({known}::text[]), false) AND EXISTS (
            SELECT FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = 'public._stonescriptdb_gateway_deployments'::regclass AND a.attname = 'catalog'
            AND NOT a.attisdropped
        ) THEN
            declared := (
                SELECT d.catalog FROM public._stonescriptdb_gateway_deployments AS d ORDER BY d.id DESC LIMIT 1
            );
        END IF;
        IF {with_stamp} THEN
            stonegate_unmoved := coalesce(latest ->> 'stamp' = {stamp}, false);
        END IF;
    END IF;
    OPEN answer FOR
    SELECT found_any, applied, types, tables, routines, latest, fingerprints, declared, stonegate_unmoved;
END
$read_state$;
FETCH ALL FROM stonegate_tracking_state;
CLOSE stonegate_tracking_state
