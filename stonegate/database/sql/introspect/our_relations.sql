-- Relations that are ours to see: members of extensions, stonegate's tracking tables and the sequences inside identity
-- columns are left out. Nothing that users make has an oid below 16384 (FirstNormalObjectId).
SELECT c.oid, c.relname AS name, n.name AS schema
FROM pg_catalog.pg_class AS c
JOIN ([[our_schemas]]) AS n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'c')
    AND c.relname !~ '^_stonescriptdb_gateway_(migrations|types|tables|functions|changelog|deployments)(_id_seq[0-9]*)?$'
    AND c.oid NOT IN (
        SELECT objid FROM pg_catalog.pg_depend
        WHERE classid = 'pg_class'::regclass AND (deptype = 'e' OR deptype = 'i' AND refobjsubid > 0)
    )
