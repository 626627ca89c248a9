-- Gives everything in the database to a role, but for what belongs to extensions and to the system. Indexes, owned
-- sequences, row types and array types follow what they belong to.
DO $give_objects$
DECLARE
    receiver CONSTANT name := {owner};
    statement text;
BEGIN
    FOR statement IN
        SELECT pg_catalog.format('ALTER SCHEMA %I OWNER TO %I', n.nspname, receiver)
        FROM pg_catalog.pg_namespace AS n
        -- A cluster that came from PostgreSQL 14 has a public schema of its superuser's.
        WHERE (n.oid >= 16384 OR n.nspname = 'public' AND n.nspowner <> 'pg_database_owner'::regrole) AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e'
        )
        UNION ALL
        SELECT pg_catalog.format('ALTER %s %s OWNER TO %I', CASE c.relkind
                WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, c.oid::regclass, receiver)
        FROM pg_catalog.pg_class AS c
        WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
        AND c.relnamespace NOT IN ('pg_toast'::regnamespace, 'pg_catalog'::regnamespace)
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
            AND (d.deptype = 'e' OR (c.relkind = 'S' AND d.deptype IN ('a', 'i')))
        )
        UNION ALL
        SELECT pg_catalog.format('ALTER %s %s OWNER TO %I', CASE p.prokind
                WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END, p.oid::regprocedure, receiver)
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid >= 16384 AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i')
        )
        UNION ALL
        SELECT pg_catalog.format('ALTER %s %s OWNER TO %I', CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END,
            t.oid::regtype, receiver)
        FROM pg_catalog.pg_type AS t
        WHERE t.oid >= 16384 AND t.typtype IN ('b', 'e', 'd', 'r') AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('e', 'i')
        )
        UNION ALL
        SELECT pg_catalog.format('ALTER %s %s OWNER TO %I',
            CASE i.type WHEN 'statistics object' THEN 'STATISTICS' ELSE pg_catalog.upper(i.type) END, i.identity, receiver)
        FROM (
            SELECT tableoid, oid FROM pg_catalog.pg_operator
            UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_opclass
            UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_opfamily
            UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_collation
            UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_conversion
            UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_dict
            UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_config
            UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_statistic_ext
        ) AS o, LATERAL pg_catalog.pg_identify_object(o.tableoid, o.oid, 0) AS i
        WHERE o.oid >= 16384 AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = o.tableoid AND d.objid = o.oid AND d.deptype = 'e'
        )
        UNION ALL
        SELECT pg_catalog.format('ALTER LARGE OBJECT %s OWNER TO %I', l.oid, receiver)
        FROM pg_catalog.pg_largeobject_metadata AS l
    LOOP
        EXECUTE statement;
    END LOOP;
END
$give_objects$
