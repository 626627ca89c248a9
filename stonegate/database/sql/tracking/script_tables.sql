-- The tables of the records, where they are missing; before all else, as in an apply, so that nothing which follows
-- counts for them. That the original made some of them is nothing to tell.
DECLARE
    told CONSTANT text := pg_catalog.current_setting('client_min_messages');
BEGIN
    IF [[script_is_whole]] AND NOT (
[[check]]
    ) THEN
        PERFORM pg_catalog.set_config('client_min_messages', 'warning', true);
[[create]];
[[widen]];
        PERFORM pg_catalog.set_config('client_min_messages', told, true);
    END IF;
END
