-- The first statement of a script: nobody else is at work, and the database is not past the plan. The lock is that of an
-- apply, which waits for the end of this transaction.
DECLARE
    database CONSTANT integer :=
        [[script_lock]];
    former text;
    has_rows boolean;
BEGIN
    -- A client that is gone holds its locks until its process on the server has ended, too.
    FOR tenth IN 1..20 LOOP
        EXIT WHEN pg_catalog.pg_try_advisory_xact_lock(%(lock)s, database);
        IF tenth = 20 THEN
            RAISE EXCEPTION 'another deployment is at work in this database' USING ERRCODE = 'lock_not_available';
        END IF;
        PERFORM pg_catalog.pg_sleep(0.1);
    END LOOP;
    -- Before any of these tables is read.
[[guard_writing]];
    FOREACH former IN ARRAY %(empty)s LOOP
        former := 'public._stonescriptdb_gateway_' || former;
        IF pg_catalog.to_regclass(former) IS NOT NULL THEN
            EXECUTE 'SELECT EXISTS (SELECT FROM ' || former || ')' INTO has_rows;
            IF has_rows THEN
                RAISE EXCEPTION 'this database was deployed to since the plan was made: % has rows', former
                    USING HINT = 'stonegate plan again';
            END IF;
        END IF;
    END LOOP;
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_migrations') IS NOT NULL THEN
        former := (
            SELECT pg_catalog.string_agg(m.migration_file::text, ', ' ORDER BY m.id)
            FROM public._stonescriptdb_gateway_migrations AS m
            WHERE m.migration_file::text = ANY (%(migrations)s)
        );
        IF former IS NOT NULL THEN
            RAISE EXCEPTION 'these migrations were recorded since the plan was made: %', former
                USING HINT = 'stonegate plan again';
        END IF;
    END IF;
    IF pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments') IS NOT NULL THEN
        IF EXISTS (
            SELECT FROM public._stonescriptdb_gateway_deployments AS d
            WHERE pg_catalog.to_jsonb(d) ->> 'plan_checksum'::text = %(plan_checksum)s
        ) THEN
            RAISE EXCEPTION 'this plan was carried out here before' USING HINT = 'stonegate plan again';
        END IF;
        IF %(last)s <> (SELECT pg_catalog.max(d.id) FROM public._stonescriptdb_gateway_deployments AS d) THEN
            RAISE EXCEPTION 'this database was deployed to since the plan was made' USING HINT = 'stonegate plan again';
        END IF;
        former := (
            SELECT pg_catalog.min(state.key)
            FROM (
                SELECT pg_catalog.to_jsonb(d) -> 'post_commit'::text AS states
                FROM public._stonescriptdb_gateway_deployments AS d
                ORDER BY d.id DESC
                LIMIT 1
            ) AS last
            CROSS JOIN LATERAL pg_catalog.jsonb_each_text(last.states) AS state
            JOIN pg_catalog.unnest(%(late)s) AS late (step) ON pg_catalog.starts_with(state.key, late.step || ' #')
            WHERE state.value IN ('started', 'done')
        );
        IF former IS NOT NULL THEN
            RAISE EXCEPTION 'an interrupted deployment may have carried out a part of this: %', former
                USING HINT = 'stonegate apply goes on where that ended';
        END IF;
    END IF;
END
