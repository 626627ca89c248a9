-- Is there anything that read_others tells and no other row does? These may depend on nothing but what PostgreSQL brings,
-- which pg_depend does not record.
SELECT EXISTS (SELECT FROM pg_catalog.pg_publication) OR EXISTS (SELECT FROM pg_catalog.pg_seclabel)
    OR EXISTS (SELECT FROM pg_catalog.pg_cast AS c WHERE c.oid >= 16384 AND c.oid NOT IN (
        SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_cast'::regclass AND deptype IN ('e', 'i')))
    OR EXISTS (SELECT FROM pg_catalog.pg_foreign_data_wrapper AS w WHERE w.oid NOT IN (
        SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_foreign_data_wrapper'::regclass AND deptype = 'e'))
    OR EXISTS (SELECT FROM pg_catalog.pg_am AS m WHERE m.oid >= 16384 AND m.oid NOT IN (
        SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_am'::regclass AND deptype = 'e')) AS found
