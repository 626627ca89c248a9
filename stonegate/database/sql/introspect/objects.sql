-- Which objects are ours to see, and what most of them have: owner, comment and privileges (manual 5.8).
-- Left out: PostgreSQL's own schemas, temporary ones, members of extensions, stonegate's tracking tables.

spaces AS MATERIALIZED (
    SELECT oid, nspname AS name, nspowner AS owner, nspacl AS acl
    FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
),

members AS MATERIALIZED (
    SELECT classid, objid, refobjid AS extension FROM pg_catalog.pg_depend WHERE deptype = 'e'
),

tracking AS MATERIALIZED (
    SELECT oid FROM pg_catalog.pg_class
    WHERE relname ~ '^_stonescriptdb_gateway_(migrations|types|tables|functions|changelog|deployments)(_id_seq[0-9]*)?$'
),

-- Sequences inside identity columns (internal), and those that a column owns (automatic).
owned_sequences AS MATERIALIZED (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number, d.deptype = 'i' AS identity
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = d.objid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
),

relations AS MATERIALIZED (
    SELECT c.oid, n.name AS schema, c.relname AS name, c.relkind AS kind, c.relowner AS owner, c.relacl AS acl
    FROM pg_catalog.pg_class AS c
    JOIN spaces AS n ON n.oid = c.relnamespace
    WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'c')
        AND c.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_class'::regclass)
        AND c.oid NOT IN (SELECT oid FROM tracking)
        AND c.oid NOT IN (SELECT sequence FROM owned_sequences WHERE identity)
),

types AS MATERIALIZED (
    SELECT t.oid, n.name AS schema, t.typname AS name, t.typtype AS kind, t.typrelid AS relation, t.typowner AS owner,
        t.typacl AS acl
    FROM pg_catalog.pg_type AS t
    JOIN spaces AS n ON n.oid = t.typnamespace
    WHERE t.oid >= 16384
        AND (t.typtype IN ('e', 'd', 'r') OR t.typrelid IN (SELECT oid FROM relations WHERE kind = 'c'))
        AND t.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_type'::regclass)
),

procs AS MATERIALIZED (
    SELECT p.oid, n.name AS schema, p.proname AS name, p.prokind AS kind, p.proowner AS owner, p.proacl AS acl
    FROM pg_catalog.pg_proc AS p
    JOIN spaces AS n ON n.oid = p.pronamespace
    WHERE p.oid >= 16384
        AND p.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_proc'::regclass)
),

notes AS MATERIALIZED (
    SELECT classoid AS classid, objoid AS objid, objsubid AS number, description AS comment
    FROM pg_catalog.pg_description
    WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass
),

-- `kind` as acldefault() wants it.
owned AS MATERIALIZED (
    SELECT 'pg_namespace'::regclass::oid AS classid, oid AS objid, 'n'::"char" AS kind, owner, acl FROM spaces
    UNION ALL
    SELECT 'pg_class'::regclass, oid, CASE kind WHEN 'S' THEN 's'::"char" ELSE 'r' END, owner, acl
    FROM relations WHERE kind <> 'c'
    UNION ALL
    SELECT 'pg_type'::regclass, oid, 'T', owner, acl FROM types
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 'f', owner, acl FROM procs
),

acl_items AS MATERIALIZED (
    SELECT o.classid, o.objid, o.number, a.grantee, a.grantee = o.owner AS own, a.privilege_type::text AS privilege,
        bool_or(a.is_grantable) AS grantable
    FROM (
        SELECT classid, objid, 0 AS number, owner, acl FROM owned WHERE acl IS NOT NULL
        UNION ALL
        SELECT 'pg_class'::regclass, a.attrelid, a.attnum, r.owner, a.attacl
        FROM pg_catalog.pg_attribute AS a
        JOIN relations AS r ON r.oid = a.attrelid
        WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    ) AS o, LATERAL pg_catalog.aclexplode(o.acl) AS a
    GROUP BY 1, 2, 3, 4, 5, 6
),

acl_defaults AS MATERIALIZED (
    SELECT o.classid, o.objid, a.grantee, a.privilege_type::text AS privilege
    FROM owned AS o, LATERAL pg_catalog.aclexplode(pg_catalog.acldefault(o.kind, o.owner)) AS a
    WHERE o.acl IS NOT NULL
),

acl_changes AS MATERIALIZED (
    SELECT i.classid, i.objid, i.number, i.grantee, i.privilege, i.grantable, true AS given
    FROM acl_items AS i
    LEFT JOIN acl_defaults AS d
        ON i.number = 0 AND d.classid = i.classid AND d.objid = i.objid AND d.grantee = i.grantee
        AND d.privilege = i.privilege
    WHERE NOT i.own AND (d.objid IS NULL OR i.grantable)
    UNION ALL
    SELECT d.classid, d.objid, 0, d.grantee, d.privilege, false, false
    FROM acl_defaults AS d
    LEFT JOIN acl_items AS i
        ON i.number = 0 AND i.classid = d.classid AND i.objid = d.objid AND i.grantee = d.grantee
        AND i.privilege = d.privilege
    WHERE i.objid IS NULL
),

privileges AS MATERIALIZED (
    SELECT classid, objid, number,
        coalesce(json_agg(item ORDER BY role, privilege) FILTER (WHERE given), '[]'::json) AS granted,
        coalesce(json_agg(item ORDER BY role, privilege) FILTER (WHERE NOT given), '[]'::json) AS revoked
    FROM (
        SELECT c.classid, c.objid, c.number, c.given, r.name AS role, c.privilege COLLATE "C" AS privilege,
            json_build_object('grantee', r.name, 'privilege', c.privilege, 'grantable', c.grantable) AS item
        FROM acl_changes AS c, LATERAL (
            SELECT CASE c.grantee WHEN 0 THEN ''::name ELSE pg_catalog.pg_get_userbyid(c.grantee) END AS name
        ) AS r
    ) AS named
    GROUP BY classid, objid, number
),

access AS MATERIALIZED (
    SELECT o.classid, o.objid, json_build_object(
        'owner', pg_catalog.pg_get_userbyid(o.owner),
        'comment', n.comment,
        'granted', coalesce(p.granted, '[]'::json),
        'revoked', coalesce(p.revoked, '[]'::json)
    ) AS access
    FROM owned AS o
    LEFT JOIN notes AS n ON n.classid = o.classid AND n.objid = o.objid AND n.number = 0
    LEFT JOIN privileges AS p ON p.classid = o.classid AND p.objid = o.objid AND p.number = 0
)
,

collations AS MATERIALIZED (
    SELECT c.oid, format('%I.%I', n.nspname, c.collname) AS name
    FROM pg_catalog.pg_collation AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
)
