-- All relations but TOAST tables, since others may mention them; only those that are `ours` are described. Printing a
-- view locks its tables, so nobody else's is printed. `quoted` is needed for what sequences and indexes are printed in.
-- Ours are found once and hashed: in a small database that nobody has analyzed, the planner expects one relation of
-- users, and would search all of them, by their names, for each.
WITH our AS MATERIALIZED ([[our_relations]])
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.oid IN (SELECT oid FROM our) AS ours,
    CASE c.relkind WHEN 'S' THEN format('%I.%I', n.nspname, c.relname) WHEN 'i' THEN quote_ident(c.relname)
        WHEN 'I' THEN quote_ident(c.relname) END AS quoted,
    pg_catalog.pg_get_userbyid(c.relowner) AS owner, c.relacl::text[] AS acl,
    CASE WHEN c.relacl IS NOT NULL THEN pg_catalog.acldefault(
        CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner)::text[] END AS usual,
    c.relpersistence = 'u' AS unlogged, c.relrowsecurity AS row_security, c.relforcerowsecurity AS force_row_security,
    c.relispartition AS is_partition, c.relispopulated AS populated, c.relreplident AS replica_identity,
    c.relam AS access_method, c.reltablespace AS tablespace, c.reltype AS row_type, c.reloftype AS of_type,
    c.reloptions AS options,
    (SELECT t.reloptions FROM pg_catalog.pg_class AS t WHERE t.oid = c.reltoastrelid) AS toast_options,
    pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS partition_bound,
    CASE WHEN c.oid NOT IN (SELECT oid FROM our) THEN NULL
        WHEN c.relkind IN ('v', 'm') THEN rtrim(pg_catalog.pg_get_viewdef(c.oid), ';')
        WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END AS definition
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND n.nspname <> 'pg_toast'
