CREATE VIEW v AS SELECT id, name FROM t WHERE amount > 5;
