CREATE VIEW v AS SELECT id, name, amount FROM t;
