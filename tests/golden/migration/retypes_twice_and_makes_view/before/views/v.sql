CREATE VIEW v AS SELECT id, amount, other FROM t;
