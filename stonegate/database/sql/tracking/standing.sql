-- Where a database stands: the latest deployment, whether only routines can have moved since, who is connected to what,
-- and a hash of all that the records say and that decides about a plan. Tables that are not all there as this version
-- makes them are an error.
SELECT latest.id, latest.digest, latest.stamp, coalesce(latest.stamp = {presumed}, false), pg_catalog.pg_backend_pid(),
    (
        SELECT s.description FROM pg_catalog.pg_shdescription AS s
        WHERE s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND s.objoid = d.oid
    ),
    pg_catalog.pg_get_userbyid(d.datdba) = current_user OR pg_catalog.current_setting('is_superuser')::boolean,
    ROW (
        current_user, session_user, pg_catalog.current_setting('is_superuser'), d.datdba, d.encoding, d.datlocprovider,
        d.datcollate, d.datctype, {locale}, {rules}
    )::text,
    pg_catalog.md5(pg_catalog.concat(
        ROW (
            latest.fingerprint, latest.tool_version, latest.introspection, latest.catalog_checksum,
            latest.live_checksum, latest.executed_by, latest.missing_seeds, latest.excepted, latest.outside,
            latest.post_commit
        ),
        (
            SELECT pg_catalog.string_agg(ROW ({migration})::text, '' ORDER BY m.id)
            FROM public._stonescriptdb_gateway_migrations AS m
        ),
        -- In no order: these rows are found by their names.
        ' ', (
            SELECT pg_catalog.sum(pg_catalog.hashtextextended(ROW ({type})::text, 0))
            FROM public._stonescriptdb_gateway_types
        ),
        ' ', (
            SELECT pg_catalog.sum(pg_catalog.hashtextextended(ROW ({table})::text, 0))
            FROM public._stonescriptdb_gateway_tables
        ),
        ' ', (
            SELECT pg_catalog.sum(pg_catalog.hashtextextended(ROW ({routine})::text, 0))
            FROM public._stonescriptdb_gateway_functions
        )
    ))
FROM (
    SELECT * FROM public._stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1
) AS latest, pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
