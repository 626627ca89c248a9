-- stonegate: no-transaction
-- stonegate: allow drop_policy t.p
-- stonegate: allow drop_constraint t.n_positive
-- stonegate: allow drop_column t.n
DROP TRIGGER x ON t;
DROP POLICY p ON t;
ALTER TABLE t DROP CONSTRAINT n_positive;
ALTER TABLE t DROP COLUMN n;
