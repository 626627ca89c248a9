CREATE VIEW v AS SELECT t.id, t.label FROM t;
CREATE VIEW w AS SELECT (t).label FROM t;
