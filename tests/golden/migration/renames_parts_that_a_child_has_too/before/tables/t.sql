CREATE TABLE p (id int, a int, CONSTRAINT positive CHECK (a > 0));
CREATE TABLE c (CONSTRAINT positive CHECK (a > 0)) INHERITS (p);
CREATE POLICY own ON p USING (true);
CREATE POLICY own ON c USING (id > 0);
