CREATE VIEW v WITH (security_invoker=true) AS SELECT id, name FROM t;
