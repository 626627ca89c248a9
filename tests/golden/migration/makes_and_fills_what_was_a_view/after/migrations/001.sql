DROP MATERIALIZED VIEW v;
CREATE TABLE v (id integer PRIMARY KEY, twice integer);
INSERT INTO v SELECT id, amount * 2 FROM t;
