-- Schemas other than PostgreSQL's own and temporary ones.
SELECT oid, nspname AS name, nspowner AS owner, nspacl AS acl
FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
