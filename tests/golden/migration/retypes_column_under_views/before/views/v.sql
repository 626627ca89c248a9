CREATE VIEW v AS SELECT id, amount * 2 AS twice FROM t;
COMMENT ON VIEW v IS 'twice';
GRANT SELECT ON v TO pg_monitor;
