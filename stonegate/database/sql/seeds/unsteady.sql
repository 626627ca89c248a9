-- Which of the names are functions that may give another value next time: volatile ones, and those that are stable
-- inside one statement only because they tell its time or its session (manual 36.7).
SELECT DISTINCT p.proname::text
FROM pg_catalog.pg_proc AS p
WHERE p.proname = ANY (%(names)s::text[])
AND (p.provolatile = 'v' OR p.pronamespace = 'pg_catalog'::regnamespace::oid AND p.proname IN (
    'now', 'transaction_timestamp', 'statement_timestamp', 'age', 'current_setting', 'current_database',
    'current_schemas', 'current_user', 'session_user', 'pg_backend_pid', 'pg_postmaster_start_time', 'pg_conf_load_time',
    'pg_current_xact_id', 'pg_current_snapshot', 'txid_current', 'txid_current_snapshot', 'inet_client_addr',
    'inet_client_port', 'inet_server_addr', 'inet_server_port', 'version'
))
