-- By hand, and with the names that the parent's get.
CREATE POLICY own2 ON c USING (id > 7);
CREATE TRIGGER tr2 BEFORE UPDATE ON c FOR EACH ROW EXECUTE FUNCTION f();
INSERT INTO c VALUES (1, 1);
