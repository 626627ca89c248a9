-- Refuses what would run code of somebody else with the rights of this session, before the session reads the tracking
-- tables or, if [[writes]], writes to them in the same transaction. Until that ends they stay as they were looked at: nobody
-- changes them, gives another table their name, or renames their schema. That last takes a superuser's lock on a row, which
-- writes: who only reads goes without it, since a plan is to write nothing.
-- Where everybody is trusted it looks no further.
DECLARE
    former CONSTANT text := pg_catalog.current_setting('search_path');
    tracked text;
    what text;
    remedies text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', '', true);
    IF NOT (
        [[is_trusted]]
    ) THEN
        IF [[writes]] AND pg_catalog.current_setting('is_superuser')::boolean
            AND NOT pg_catalog.current_setting('transaction_read_only')::boolean
        THEN
            PERFORM FROM pg_catalog.pg_namespace WHERE nspname = 'public' FOR KEY SHARE;
        END IF;
        FOR tracked IN
            SELECT c.oid::regclass FROM pg_catalog.pg_class AS c
            WHERE c.relnamespace = pg_catalog.to_regnamespace('public')::oid AND c.relname IN ([[names]])
            AND c.relkind = 'r' AND pg_catalog.has_table_privilege(c.oid, '[[right]]')
        LOOP
            EXECUTE pg_catalog.format('LOCK TABLE ONLY %s IN [[mode]] MODE', tracked);
        END LOOP;
        SELECT pg_catalog.string_agg(DISTINCT code.found, '; '), pg_catalog.string_agg(DISTINCT code.remedy, '; ')
        INTO what, remedies
        FROM (
[[foreign_code writes=[[writes]]]]
        ) AS code;
        IF what IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'SG001',
                MESSAGE = 'the tracking tables hold what would run with the rights of ' || session_user::text,
                DETAIL = what,
                HINT = pg_catalog.concat('deploy as the role that owns them, by its own login (SET ROLE is no help: such '
                    'code may RESET it)', ', or, if it is not wanted: ' || remedies);
        END IF;
    END IF;
    PERFORM pg_catalog.set_config('search_path', former, true);
END
