-- pg_depend in the words of the model: from and to what people name, members at column grain. A dependency on the
-- schema goes without saying, since the key names it, and so does that on plpgsql, which every database has.
WITH [[nodes]]

SELECT concat('"dependencies":[', string_agg(e.edge, ',' ORDER BY e.edge COLLATE "C"), ']')
FROM (
    SELECT DISTINCT concat('{"dependent":', a.key, ',"on":', b.key, '}') AS edge
    FROM pg_catalog.pg_depend AS d
    JOIN nodes AS a ON a.classid = d.classid AND a.objid = d.objid AND a.number = d.objsubid
    JOIN nodes AS b ON b.classid = d.refclassid AND b.objid = d.refobjid AND b.number = d.refobjsubid
    WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype NOT IN ('e', 'x') AND a.key <> b.key
        AND (d.deptype <> 'i' OR d.refobjsubid = 0)
) AS e
