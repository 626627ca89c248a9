-- What an apply records in the end. Where the statements were no transaction, some may have failed.
DECLARE
    deployment bigint;
BEGIN
    IF NOT [[script_is_whole]] THEN
        RAISE WARNING 'nothing is recorded: this was not one transaction, and what failed of it is not known here'
            USING HINT = 'run scripts with psql -1; if all of it succeeded, record it: stonegate apply --baseline';
        RETURN;
    END IF;
{records}
END
