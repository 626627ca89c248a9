CREATE TABLE t (id integer PRIMARY KEY, a integer CONSTRAINT positive CHECK (a > 0), b integer);
CREATE INDEX two ON t (a);
COMMENT ON INDEX two IS 'many times';
CREATE INDEX four ON t (b);
CREATE TABLE u (id integer PRIMARY KEY, a integer, CONSTRAINT one UNIQUE (a));
COMMENT ON CONSTRAINT one ON u IS 'once, still';
CREATE TABLE v (a integer REFERENCES u (a), b integer, CONSTRAINT old UNIQUE (a, b));
CREATE TABLE three (id integer PRIMARY KEY);
