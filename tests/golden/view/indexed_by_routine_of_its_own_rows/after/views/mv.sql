CREATE MATERIALIZED VIEW mv AS SELECT id, a, b FROM t;
CREATE INDEX by_shown ON mv (shown(mv));
