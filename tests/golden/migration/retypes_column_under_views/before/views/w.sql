CREATE VIEW w WITH (security_barrier) AS SELECT twice FROM v;
