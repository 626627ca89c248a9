-- stonegate: no-transaction
DROP VIEW a CASCADE;
ALTER TABLE t ALTER COLUMN c TYPE integer;
CREATE VIEW a AS SELECT id FROM t;
CREATE VIEW b AS SELECT a.id, t.c FROM a JOIN t USING (id);
