CREATE VIEW w AS SELECT id, total * 2 AS twice FROM u;
