CREATE TABLE t (id integer, n integer);
ALTER TABLE t ALTER n SET DEFAULT next_n();
ALTER TABLE t ADD CONSTRAINT few CHECK (ok(t));
COMMENT ON CONSTRAINT few ON t IS 'by its rows';
CREATE INDEX t_ok ON t ((ok(t)));
CREATE VIEW v AS SELECT n FROM t WHERE ok(t);
