CREATE TABLE t (id integer PRIMARY KEY, amount integer, old integer, next integer GENERATED ALWAYS AS (old + 1) STORED);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (old > 0);
CREATE POLICY q ON t USING (old > 1);
