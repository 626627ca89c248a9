-- The privilege of SET ROLE (manual 9.27); before PostgreSQL 16 every member has it.
CASE WHEN pg_catalog.current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END
