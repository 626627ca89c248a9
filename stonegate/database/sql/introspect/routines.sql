-- Functions, procedures, window functions and aggregates (manual: CREATE FUNCTION, CREATE AGGREGATE) that are ours to see;
-- not the constructors that come with a range type.
SELECT p.oid, n.name AS schema, p.proname AS name, p.prokind AS kind, l.lanname AS language,
    pg_catalog.pg_get_userbyid(p.proowner) AS owner, p.proacl::text[] AS acl,
    CASE WHEN p.proacl IS NOT NULL THEN pg_catalog.acldefault('f', p.proowner)::text[] END AS usual,
    p.prosqlbody IS NULL AS plain, p.prosrc AS source, p.prosecdef AS security_definer, p.proretset AS returns_set,
    pg_catalog.pg_get_function_result(p.oid) AS returns,
    ARRAY(SELECT pg_catalog.format_type(u.type, NULL)
        FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY AS u (type, position)
        ORDER BY u.position) AS types,
    p.proargnames AS names, p.proargmodes::text[] AS modes,
    CASE WHEN p.pronargdefaults > 0 THEN ARRAY(SELECT pg_catalog.pg_get_function_arg_default(p.oid, u.position)
        FROM generate_series(1, cardinality(coalesce(p.proallargtypes, p.proargtypes::oid[]))) AS u (position)
        ORDER BY u.position) END AS defaults,
    CASE WHEN p.prokind <> 'a' THEN rtrim(pg_catalog.pg_get_functiondef(p.oid), E'\n') END AS definition
FROM pg_catalog.pg_proc AS p
JOIN ([[our_schemas]]) AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
WHERE p.oid >= 16384 AND p.oid NOT IN (
    SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_proc'::regclass AND deptype IN ('e', 'i'))
