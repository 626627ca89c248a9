-- A hash of all that the records say and that decides about a plan, but for the latest deployment's number, digest and
-- stamp. Nobody makes records of his own that have another database's: of each table it is the text that is hashed.
pg_catalog.md5(pg_catalog.concat(
    ROW (
        latest.fingerprint, latest.tool_version, latest.introspection, latest.catalog_checksum, latest.live_checksum,
        latest.executed_by, latest.missing_seeds, latest.excepted, latest.outside, latest.post_commit
    ),
    (
        SELECT pg_catalog.string_agg(ROW ({migration})::text, '' ORDER BY m.id)
        FROM public._stonescriptdb_gateway_migrations AS m
    ),
    -- In an order of their own: these rows are found by their names.
    ' ', (
        SELECT pg_catalog.string_agg(t.words, '' ORDER BY t.words)
        FROM (SELECT ROW ({type})::text COLLATE "C" FROM public._stonescriptdb_gateway_types) AS t (words)
    ),
    ' ', (
        SELECT pg_catalog.string_agg(t.words, '' ORDER BY t.words)
        FROM (SELECT ROW ({table})::text COLLATE "C" FROM public._stonescriptdb_gateway_tables) AS t (words)
    ),
    ' ', (
        SELECT pg_catalog.string_agg(f.words, '' ORDER BY f.words)
        FROM (SELECT ROW ({routine})::text COLLATE "C" FROM public._stonescriptdb_gateway_functions) AS f (words)
    )
))
