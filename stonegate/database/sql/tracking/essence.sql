-- A hash of all that the records say and that decides about a plan, but for the latest deployment's number, digest and
-- stamp. Nobody makes records of his own that have another database's: it is the text that is hashed.
pg_catalog.md5(pg_catalog.concat(
    ROW (
        latest.fingerprint, latest.tool_version, latest.introspection, latest.catalog_checksum, latest.live_checksum,
        latest.executed_by, latest.missing_seeds, latest.excepted, latest.outside, latest.post_commit
    ),
    (
        SELECT pg_catalog.string_agg(r.words, '' ORDER BY r.words)
        FROM (
            SELECT ROW ('migration', pg_catalog.row_number() OVER (ORDER BY id), {migration})::text COLLATE "C"
            FROM public._stonescriptdb_gateway_migrations
            UNION ALL
            -- In whatever order: these rows are found by their names.
            SELECT ROW ('type', {type})::text COLLATE "C" FROM public._stonescriptdb_gateway_types
            UNION ALL
            SELECT ROW ('table', {table})::text COLLATE "C" FROM public._stonescriptdb_gateway_tables
            UNION ALL
            SELECT ROW ('routine', {routine})::text COLLATE "C" FROM public._stonescriptdb_gateway_functions
        ) AS r (words)
    )
))
