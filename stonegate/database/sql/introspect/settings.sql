-- What PostgreSQL leaves out of a definition because it is the session's default.
SELECT current_setting('default_tablespace') AS tablespace, current_setting('default_table_access_method') AS access_method
