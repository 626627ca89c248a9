-- The names of the functions and procedures that can be called without a schema, but for PostgreSQL's own.
SELECT DISTINCT p.proname::text
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname <> 'pg_catalog'::name AND p.prokind IN ('f', 'p') AND pg_catalog.pg_function_is_visible(p.oid)
ORDER BY 1
