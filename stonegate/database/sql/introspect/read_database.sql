-- Schemas, extensions, default privileges and the database's own search_path.
WITH spaces AS MATERIALIZED ([[spaces]]),

-- An entry for all schemas replaces the built-in default, one for a schema adds to it (manual: pg_default_acl).
default_privileges AS MATERIALIZED (
    SELECT pg_catalog.pg_get_userbyid(d.defaclrole) AS role, coalesce(n.nspname, '') AS schema,
        CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
            WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END AS objects,
        d.defaclacl AS acl,
        CASE WHEN d.defaclnamespace = 0 THEN pg_catalog.acldefault(
            CASE d.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE d.defaclobjtype END, d.defaclrole) END AS usual
    FROM pg_catalog.pg_default_acl AS d
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
)

SELECT concat('"server":', current_setting('server_version_num'), ',"schemas":[', (
    SELECT string_agg(concat('{"name":', to_json(s.name::text),
        ',"access":', [[access owner=s.owner; comment=n.description; acl=s.acl; kind='n']], '}'), ',' ORDER BY s.name)
    FROM spaces AS s
    LEFT JOIN pg_catalog.pg_description AS n ON n.classoid = 'pg_namespace'::regclass AND n.objoid = s.oid
    WHERE s.oid NOT IN (
        SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_namespace'::regclass AND deptype = 'e')
), '],"extensions":[', (
    SELECT string_agg(concat('{"name":', to_json(e.extname::text), ',"version":', to_json(e.extversion),
        ',"schema":', to_json(n.nspname::text), ',"comment":' || to_json(c.description), '}'), ',' ORDER BY e.extname)
    FROM pg_catalog.pg_extension AS e
    JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    LEFT JOIN pg_catalog.pg_description AS c ON c.classoid = 'pg_extension'::regclass AND c.objoid = e.oid
), '],"default_privileges":[', (
    SELECT string_agg(concat('{"role":', to_json(d.role::text), ',"schema":', to_json(d.schema::text),
        ',"objects":"', d.objects, '"', [[privileges acl=d.acl; usual=d.usual; owner=NULL]], '}'),
        ',' ORDER BY d.role, d.schema, d.objects COLLATE "C")
    FROM default_privileges AS d
), '],"search_path":[', (
    -- An identifier list: "quoted ones" as they are, others folded to lower case.
    SELECT string_agg(to_json(coalesce(replace(i.part[1], '""', '"'), lower(i.part[2])))::text, ',' ORDER BY i.position)
    FROM pg_catalog.pg_db_role_setting AS d
    CROSS JOIN LATERAL unnest(d.setconfig) AS s (entry)
    CROSS JOIN LATERAL regexp_matches(substr(s.entry, 13), '"((?:[^"]|"")*)"|([^,\s"]+)', 'g')
        WITH ORDINALITY AS i (part, position)
    WHERE d.setrole = 0 AND d.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND s.entry LIKE 'search\_path=%' AND (i.part[1] <> '' OR i.part[2] IS NOT NULL)
), ']')
