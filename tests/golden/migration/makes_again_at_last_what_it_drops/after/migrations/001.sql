-- stonegate: no-transaction
-- stonegate: allow drop_policy t.p
-- stonegate: allow drop_constraint t.n_positive
DROP TRIGGER x ON t;
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
DROP POLICY p ON t;
CREATE POLICY p ON t USING (n > 1);
ALTER TABLE t DROP CONSTRAINT n_positive;
ALTER TABLE t ADD CONSTRAINT n_positive CHECK (n > 0) NOT VALID;
ALTER TABLE t VALIDATE CONSTRAINT n_positive;
