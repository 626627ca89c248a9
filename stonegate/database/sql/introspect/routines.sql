-- Routines that are ours to see; not the constructors that come with a range type.
SELECT p.oid, p.proname AS name, n.name AS schema, p.prokind AS kind, p.proowner AS owner, p.proacl AS acl,
    p.prosrc, p.prosqlbody IS NULL AS plain, p.prosecdef, p.proretset, p.prolang, p.pronargs, p.pronargdefaults,
    p.proparallel, p.proargtypes, p.proallargtypes, p.proargnames, p.proargmodes
FROM pg_catalog.pg_proc AS p
JOIN spaces AS n ON n.oid = p.pronamespace
WHERE p.oid >= 16384
    AND p.oid NOT IN (
        SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_proc'::regclass AND deptype IN ('e', 'i'))
