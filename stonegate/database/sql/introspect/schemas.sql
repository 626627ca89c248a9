SELECT s.oid, s.name, pg_catalog.pg_get_userbyid(n.nspowner) AS owner, n.nspacl::text[] AS acl,
    CASE WHEN n.nspacl IS NOT NULL THEN pg_catalog.acldefault('n', n.nspowner)::text[] END AS usual,
    -- Also of `public`, which has its comment from initdb.
    (SELECT d.description FROM pg_catalog.pg_description AS d
        WHERE d.classoid = 'pg_namespace'::regclass AND d.objoid = s.oid) AS comment
FROM ([[our_schemas]]) AS s
JOIN pg_catalog.pg_namespace AS n ON n.oid = s.oid
