SELECT s.oid, s.name, pg_catalog.pg_get_userbyid(s.owner) AS owner, s.acl::text[] AS acl,
    CASE WHEN s.acl IS NOT NULL THEN pg_catalog.acldefault('n', s.owner)::text[] END AS usual,
    -- Also of `public`, which has its comment from initdb.
    (SELECT d.description FROM pg_catalog.pg_description AS d
        WHERE d.classoid = 'pg_namespace'::regclass AND d.objoid = s.oid) AS comment
FROM ([[our_schemas]]) AS s
