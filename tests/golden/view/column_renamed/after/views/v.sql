CREATE VIEW v AS SELECT id, name AS label FROM t;
