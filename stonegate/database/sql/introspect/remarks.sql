-- Facts about objects that have no place in the model of the object itself, as statements of their own.
-- A trigger that a partition has from its parent, but in another state than there.
SELECT 'trigger state' AS kind, format('%s on %s', t.tgname, t.tgrelid::regclass) AS identity,
    format('ALTER TABLE %s %s TRIGGER %I', t.tgrelid::regclass, s.state, t.tgname) AS definition, true AS creatable,
    format('ALTER TABLE %s %s TRIGGER %I', t.tgrelid::regclass, s.usual, t.tgname) AS drop
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_trigger AS p ON p.oid = t.tgparentid
CROSS JOIN LATERAL (
    SELECT CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS'
            ELSE 'ENABLE' END AS state,
        CASE p.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS'
            ELSE 'ENABLE' END AS usual
) AS s
WHERE NOT t.tgisinternal AND t.tgenabled <> p.tgenabled AND t.tgrelid IN (SELECT oid FROM relations)
UNION ALL
-- A foreign key whose triggers are switched off (DISABLE TRIGGER ALL) checks nothing.
SELECT 'trigger state', format('foreign key %s of %s at %s', c.conname, c.conrelid::regclass, t.tgrelid::regclass),
    string_agg(t.tgenabled::text, ' ' ORDER BY t.tgfoid::regproc::text), false,
    format('ALTER TABLE %s ENABLE TRIGGER ALL', t.tgrelid::regclass)
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_constraint AS c ON c.oid = t.tgconstraint
WHERE t.tgisinternal AND t.tgenabled <> 'O' AND t.tgrelid IN (SELECT oid FROM relations)
GROUP BY c.conname, c.conrelid, t.tgrelid
UNION ALL
-- ALTER … DEPENDS ON EXTENSION
SELECT 'extension dependency', format('%s on %I', i.identity, e.extname),
    format('ALTER %s %s DEPENDS ON EXTENSION %I', upper(i.type), i.identity, e.extname), true,
    format('ALTER %s %s NO DEPENDS ON EXTENSION %I', upper(i.type), i.identity, e.extname)
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) AS i
WHERE d.deptype = 'x'
UNION ALL
-- Comments on indexes that constraints own and on NOT NULL constraints, those of domains too.
SELECT 'comment', format('%s %s', i.type, i.identity),
    format('COMMENT ON %s IS %L', coalesce(o.place, 'INDEX ' || i.identity), n.description), true,
    format('COMMENT ON %s IS NULL', coalesce(o.place, 'INDEX ' || i.identity))
FROM pg_catalog.pg_description AS n
JOIN (
    SELECT 'pg_class'::regclass::oid AS classid, conindid AS objid, NULL AS place
    FROM pg_catalog.pg_constraint WHERE contype IN ('p', 'u', 'x') AND conrelid IN (SELECT oid FROM relations)
    UNION ALL
    SELECT 'pg_constraint'::regclass, oid, format('CONSTRAINT %I ON %s', conname,
        CASE conrelid WHEN 0 THEN 'DOMAIN ' || pg_catalog.format_type(contypid, NULL) ELSE conrelid::regclass::text END)
    FROM pg_catalog.pg_constraint
    WHERE contype = 'n' AND (conrelid IN (SELECT oid FROM relations) OR contypid IN (SELECT oid FROM types))
) AS o ON o.classid = n.classoid AND o.objid = n.objoid
CROSS JOIN LATERAL pg_catalog.pg_identify_object(n.classoid, n.objoid, 0) AS i
UNION ALL
SELECT 'security label', format('%s of %s %s', l.provider, i.type, i.identity), l.label, false, ''
FROM pg_catalog.pg_seclabel AS l
CROSS JOIN LATERAL pg_catalog.pg_identify_object(l.classoid, l.objoid, l.objsubid) AS i
