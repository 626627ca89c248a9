CREATE VIEW a WITH (security_invoker=true) AS SELECT id, v FROM t;
COMMENT ON VIEW a IS 'kept';
GRANT SELECT ON a TO PUBLIC;
