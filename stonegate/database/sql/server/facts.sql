-- Who is connected to what: the session's role, the database's owner, encoding and locale. Without pg_roles, which a
-- fresh session pays a sixth of all this for: whoever needs to know what the role may do asks for that (facts.py).
-- The locale's column has another name before PostgreSQL 17, and ICU rules have none before 16.
SELECT pg_catalog.current_database() AS database,
    current_user::text AS role,
    pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
    pg_catalog.current_setting('is_superuser')::boolean AS superuser,
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
    (
        SELECT s.description FROM pg_catalog.pg_shdescription AS s
        WHERE s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND s.objoid = d.oid
    ) AS comment,
    c.oid IS NOT NULL AS is_deployed,
    CASE WHEN c.relowner = d.datdba AND NOT pg_catalog.pg_has_role(c.relowner, current_user, 'USAGE')
        THEN pg_catalog.pg_get_userbyid(c.relowner)::text END AS deployer,
    {is_trusted} AS is_trusted
FROM pg_catalog.pg_database AS d
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass('public._stonescriptdb_gateway_deployments')
WHERE d.datname = pg_catalog.current_database()
