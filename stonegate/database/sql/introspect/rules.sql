SELECT oid, ev_class AS relation, rulename AS name FROM pg_catalog.pg_rewrite WHERE oid >= 16384
