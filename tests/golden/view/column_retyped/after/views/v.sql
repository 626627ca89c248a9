CREATE VIEW v AS SELECT id::bigint, name FROM t;
