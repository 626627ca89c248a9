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
        WHERE n.oid >= 16384 AND NOT EXISTS (
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
        WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r') AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('e', 'i')
        )
    LOOP
        EXECUTE statement;
    END LOOP;
END
$give_objects$
