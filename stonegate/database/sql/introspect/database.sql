-- Schemas, extensions, default privileges and the database's own search_path.

schema_list AS (
    SELECT coalesce(json_agg(json_build_object('name', s.name, 'access', a.access) ORDER BY s.name), '[]'::json) AS items
    FROM spaces AS s
    JOIN access AS a ON a.classid = 'pg_namespace'::regclass AND a.objid = s.oid
    WHERE s.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_namespace'::regclass)
),

extension_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'name', e.extname, 'version', e.extversion, 'schema', n.nspname
    ) ORDER BY e.extname), '[]'::json) AS items
    FROM pg_catalog.pg_extension AS e
    JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
),

-- A global entry replaces the built-in default, an entry of one schema adds to it (manual: pg_default_acl).
default_acls AS MATERIALIZED (
    SELECT d.oid, pg_catalog.pg_get_userbyid(d.defaclrole) AS role, coalesce(n.nspname, '') AS schema,
        CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
            WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END AS objects,
        d.defaclrole AS owner, d.defaclacl AS acl,
        CASE WHEN d.defaclnamespace = 0 THEN pg_catalog.acldefault(
            CASE d.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE d.defaclobjtype END, d.defaclrole)
            ELSE '{}'::aclitem[] END AS usual
    FROM pg_catalog.pg_default_acl AS d
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
),

default_rights AS MATERIALIZED (
    SELECT coalesce(i.oid, u.oid) AS oid, i.oid IS NOT NULL AS given,
        CASE coalesce(i.grantee, u.grantee) WHEN 0 THEN ''::name
            ELSE pg_catalog.pg_get_userbyid(coalesce(i.grantee, u.grantee)) END AS role,
        coalesce(i.privilege, u.privilege) COLLATE "C" AS privilege, coalesce(i.grantable, false) AS grantable
    FROM (
        SELECT d.oid, a.grantee, a.privilege_type::text AS privilege, bool_or(a.is_grantable) AS grantable
        FROM default_acls AS d, LATERAL pg_catalog.aclexplode(d.acl) AS a
        GROUP BY 1, 2, 3
    ) AS i
    FULL JOIN (
        SELECT d.oid, a.grantee, a.privilege_type::text AS privilege
        FROM default_acls AS d, LATERAL pg_catalog.aclexplode(d.usual) AS a
    ) AS u ON u.oid = i.oid AND u.grantee = i.grantee AND u.privilege = i.privilege
    WHERE i.oid IS NULL OR u.oid IS NULL OR i.grantable
),

default_privilege_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'role', d.role,
        'schema', d.schema,
        'objects', d.objects,
        'granted', coalesce(p.granted, '[]'::json),
        'revoked', coalesce(p.revoked, '[]'::json)
    ) ORDER BY d.role, d.schema, d.objects COLLATE "C"), '[]'::json) AS items
    FROM default_acls AS d
    LEFT JOIN (
        SELECT r.oid, json_agg(i.item ORDER BY role, privilege) FILTER (WHERE given) AS granted,
            json_agg(i.item ORDER BY role, privilege) FILTER (WHERE NOT given) AS revoked
        FROM default_rights AS r, LATERAL (
            SELECT json_build_object('grantee', r.role, 'privilege', r.privilege, 'grantable', r.grantable) AS item
        ) AS i
        GROUP BY r.oid
    ) AS p ON p.oid = d.oid
),

search_path_setting AS (
    SELECT substring(s.entry FROM '^search_path=(.*)$') AS text
    FROM pg_catalog.pg_db_role_setting AS d, LATERAL unnest(d.setconfig) AS s (entry)
    WHERE d.setrole = 0 AND s.entry LIKE 'search\_path=%'
        AND d.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
)
,

-- An identifier list: "quoted ones" as they are, others folded to lower case.
search_path_list AS (
    SELECT coalesce(json_agg(coalesce(replace(e.part[1], '""', '"'), lower(e.part[2])) ORDER BY e.position), '[]'::json)
        AS items
    FROM search_path_setting AS s
    CROSS JOIN LATERAL regexp_matches(s.text, '"((?:[^"]|"")*)"|([^,\s"]+)', 'g') WITH ORDINALITY AS e (part, position)
    WHERE e.part[1] <> '' OR e.part[2] IS NOT NULL
)
