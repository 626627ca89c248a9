SELECT e.oid, e.extname AS name, e.extversion AS version, n.nspname AS schema,
    (SELECT d.description FROM pg_catalog.pg_description AS d
        WHERE d.classoid = 'pg_extension'::regclass AND d.objoid = e.oid) AS comment
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
