CREATE VIEW v WITH (security_barrier) AS SELECT id, name FROM t;
