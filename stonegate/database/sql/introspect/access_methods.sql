SELECT oid, amname AS name FROM pg_catalog.pg_am WHERE amtype = 't'
