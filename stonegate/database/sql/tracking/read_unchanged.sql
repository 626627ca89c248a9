-- Digest and fingerprint of the folder of the last deployment, if nothing of that is unfinished and the catalogs have not
-- moved since; else no row. A plain query fails where the table is missing. ts_stat, which every build has, runs a query
-- given as text, as a block of PL/pgSQL would, which a fresh session takes a millisecond to load. A table of a role that
-- may do less than the session is left alone, unless guard.sql stands in front of this: it is "others".
SELECT pg_catalog.split_part(answer.word, E'\n', 1), pg_catalog.split_part(answer.word, E'\n', 2)
FROM (
    SELECT (
        SELECT c.relowner FROM pg_catalog.pg_class AS c
        WHERE c.oid = pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments')::oid
    )
) AS records (owner)
CROSS JOIN LATERAL pg_catalog.ts_stat(CASE
    WHEN records.owner IS NULL THEN 'SELECT ''''::tsvector'
    WHEN NOT ({is_guarded} OR [[trusts role=records.owner]]) THEN 'SELECT ''others''::tsvector'
    ELSE $read_unchanged$
        SELECT pg_catalog.array_to_tsvector(ARRAY[last.digest || E'\n' || last.fingerprint])
        FROM (
            SELECT d.digest, d.fingerprint, d.stamp, d.post_commit
            FROM public._stonescriptdb_gateway_deployments AS d
            ORDER BY d.id DESC
            LIMIT 1
        ) AS last
        WHERE last.digest = coalesce({digest}, last.digest)
            AND NOT last.post_commit OPERATOR(pg_catalog.@?) '$.* ? (@ != "done")'
            AND last.stamp = {stamp}
    $read_unchanged$
END) AS answer
