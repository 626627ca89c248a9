CREATE VIEW v AS SELECT id, amount * 2 AS twice FROM t;
