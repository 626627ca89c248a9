-- Every INITIALLY DEFERRED constraint as it was declared, after SET CONSTRAINTS ALL IMMEDIATE: the next file may rely on
-- it. A name that is also that of a constraint that cannot be deferred is left alone (manual: SET CONSTRAINTS).
DO $defer$
DECLARE
    names text;
BEGIN
    SELECT string_agg(pg_catalog.format('%I.%I', n.nspname, c.conname), ', ') INTO names
    FROM (
        SELECT connamespace, conname
        FROM pg_catalog.pg_constraint
        WHERE contype <> 'n'
        GROUP BY connamespace, conname
        HAVING bool_or(condeferred) AND bool_and(condeferrable)
    ) AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.connamespace;
    IF names IS NOT NULL THEN
        EXECUTE 'SET CONSTRAINTS ' || names || ' DEFERRED';
    END IF;
END
$defer$
