CREATE VIEW open_orders AS SELECT id, total FROM orders;
CREATE MATERIALIZED VIEW totals AS SELECT id, total FROM open_orders;
CREATE INDEX totals_total ON totals (total);
