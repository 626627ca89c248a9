CREATE VIEW v WITH (security_barrier, security_invoker=true) AS SELECT id, name FROM t;
