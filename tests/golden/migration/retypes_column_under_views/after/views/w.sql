CREATE VIEW w WITH (security_barrier) AS SELECT twice, twice + 1 AS more FROM v;
