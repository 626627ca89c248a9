CREATE VIEW v AS SELECT id, amount AS old FROM t;
