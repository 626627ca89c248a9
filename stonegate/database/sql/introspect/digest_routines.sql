-- A hash of everything that routines.sql tells, equal in all databases with equal ones and much cheaper:
-- their definitions hold all but owner, privileges and comment. NULL where there are aggregates other than an
-- extension's, which PostgreSQL cannot print.
SELECT CASE WHEN coalesce(bool_or(routine.kind = 'a' AND NOT routine.member), false) THEN NULL
    ELSE md5(concat(string_agg(routine.hash, '' ORDER BY routine.hash))) END
FROM (
    SELECT p.prokind AS kind, p.prokind = 'a' AND EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        ) AS member,
        md5(concat_ws(' ', pg_catalog.pg_get_userbyid(p.proowner), p.proacl,
            CASE WHEN p.prokind = 'a' THEN p.oid::regprocedure::text ELSE pg_catalog.pg_get_functiondef(p.oid) END,
            'comment ' || (
                SELECT n.description FROM pg_catalog.pg_description AS n
                WHERE n.classoid = 'pg_proc'::regclass AND n.objoid = p.oid
            ))) AS hash
    FROM pg_catalog.pg_proc AS p
    WHERE p.oid >= 16384
) AS routine
