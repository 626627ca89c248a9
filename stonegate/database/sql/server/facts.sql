-- Who is connected to what: the session's role and what it may do, the database's owner, encoding and locale.
-- The locale's column has another name before PostgreSQL 17, and ICU rules have none before 16.
SELECT pg_catalog.current_database() AS database,
    current_user::text AS role,
    pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
    r.rolsuper AS superuser,
    r.rolsuper OR r.rolbypassrls AS sees_all_rows,
    r.rolsuper OR r.rolcreatedb AS may_create_databases,
    pg_catalog.current_setting('server_version_num')::int AS version,
    pg_catalog.pg_backend_pid() AS pid,
    pg_catalog.current_setting('max_locks_per_transaction')::int
        * (pg_catalog.current_setting('max_connections')::int
            + pg_catalog.current_setting('max_prepared_transactions')::int) AS lock_slots,
    pg_catalog.current_setting('fsync')::boolean AS fsync,
    pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
    d.datlocprovider::text AS provider,
    d.datcollate::text AS collate,
    d.datctype::text AS ctype,
    {locale}::text AS locale,
    {rules}::text AS rules,
    pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
    pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments') IS NOT NULL AS is_deployed,
    (
        SELECT pg_catalog.pg_get_userbyid(c.relowner)::text FROM pg_catalog.pg_class AS c
        WHERE c.oid = pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments') AND c.relowner = d.datdba
            AND NOT pg_catalog.pg_has_role(c.relowner, r.oid, 'USAGE')
    ) AS deployer
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_roles AS r ON r.rolname = current_user
WHERE d.datname = pg_catalog.current_database()
