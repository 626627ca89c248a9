SELECT f.ftrelid AS relation, s.srvname AS server, f.ftoptions AS options
FROM pg_catalog.pg_foreign_table AS f
JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
