CREATE TABLE t (id integer PRIMARY KEY, a integer CONSTRAINT positive CHECK (a > 0), b integer);
CREATE INDEX one ON t (a);
CREATE INDEX three ON t (b);
CREATE TABLE u (id integer PRIMARY KEY, a integer, CONSTRAINT two UNIQUE (a));
COMMENT ON CONSTRAINT two ON u IS 'once';
CREATE TABLE v (a integer REFERENCES u (a), b integer, CONSTRAINT old UNIQUE (b), CONSTRAINT older UNIQUE (a, b));
