-- What PostgreSQL leaves out of a definition because it is the session's default; and which statements that few databases
-- have an answer to may have one (seldom.py). Catalogs that are empty files in a new database are not opened for that.
SELECT current_setting('default_tablespace') AS tablespace, current_setting('default_table_access_method') AS access_method,
    pg_catalog.pg_relation_size('pg_default_acl') > 0 AS has_default_privileges,
    pg_catalog.pg_relation_size('pg_db_role_setting') > 0 AS has_settings,
    pg_catalog.pg_relation_size('pg_publication') > 0 OR pg_catalog.pg_relation_size('pg_seclabel') > 0
        OR pg_catalog.pg_relation_size('pg_foreign_data_wrapper') > 0
        OR EXISTS (SELECT FROM pg_catalog.pg_cast WHERE oid >= 16384)
        OR EXISTS (SELECT FROM pg_catalog.pg_am WHERE oid >= 16384) AS has_others
