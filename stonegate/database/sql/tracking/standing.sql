-- Where a database stands: the latest deployment, whether only routines can have moved since, who is connected to what,
-- and the essence of the records. Tables that are not all there as this version makes them are an error.
SELECT latest.id, latest.digest, latest.stamp, coalesce(latest.stamp = {presumed}, false), pg_catalog.pg_backend_pid(),
    (
        SELECT s.description FROM pg_catalog.pg_shdescription AS s
        WHERE s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND s.objoid = d.oid
    ),
    pg_catalog.pg_get_userbyid(d.datdba) = current_user
        OR pg_catalog.current_setting('is_superuser')::boolean AND [[trusts role=d.datdba]],
    ROW (
        current_user, session_user, pg_catalog.current_setting('is_superuser'), d.datdba, d.encoding, d.datlocprovider,
        d.datcollate, d.datctype, {locale}, {rules},
        -- Who deployed first.
        (
            SELECT c.relowner FROM pg_catalog.pg_class AS c
            WHERE c.oid = 'public._stonescriptdb_gateway_deployments'::pg_catalog.regclass
        )
    )::text,
    {essence}
FROM (
    SELECT * FROM public._stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1
) AS latest, pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
