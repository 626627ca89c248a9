SELECT p.oid, p.polname AS name, p.polrelid AS relation, p.polpermissive AS permissive, p.polcmd AS command,
    ARRAY(SELECT CASE u.oid WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(u.oid)::text END
        FROM unnest(p.polroles) AS u (oid)) AS roles,
    pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS using, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS check
FROM pg_catalog.pg_policy AS p
ORDER BY p.polname
