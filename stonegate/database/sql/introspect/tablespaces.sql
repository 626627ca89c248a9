SELECT oid, spcname AS name, quote_ident(spcname) AS quoted FROM pg_catalog.pg_tablespace
