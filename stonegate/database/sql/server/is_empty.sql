-- True if nobody has made anything in this database: whatever people make gets a number from 16384 on (manual, "System
-- Catalog Initial Data", OID assignment). Tables stand for their columns, constraints, indexes, triggers and rules.
SELECT NOT (
    EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_extension WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_default_acl WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_cast WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_collation WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_conversion WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_operator WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_opclass WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_opfamily WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_ts_config WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_ts_dict WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_ts_parser WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_ts_template WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_am WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_foreign_data_wrapper WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_language WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_catalog.pg_publication WHERE oid >= 16384)
) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_db_role_setting AS s
    JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database()
) AS is_empty
