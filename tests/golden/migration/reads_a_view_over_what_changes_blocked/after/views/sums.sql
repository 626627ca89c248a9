CREATE VIEW amounts AS SELECT id, amount FROM orders;
CREATE VIEW buyers AS SELECT id, buyer FROM orders;
CREATE MATERIALIZED VIEW ids AS SELECT id FROM orders;
