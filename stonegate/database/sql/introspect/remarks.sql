-- Facts about objects that have no place in the model of the object itself, as statements of their own. `about_…` is the
-- key of the trigger or constraint whose state it is; the last three are the address of what they are lost with.
WITH relations AS MATERIALIZED ([[our_relations]]),

types AS MATERIALIZED ([[our_types]])

-- A trigger that a partition has from its parent, but in another state than there.
SELECT 'trigger state' AS kind, format('%s on %s', t.tgname, t.tgrelid::regclass) AS identity,
    format('ALTER TABLE %s %s TRIGGER %I', t.tgrelid::regclass, s.state, t.tgname) AS definition, true AS creatable,
    format('ALTER TABLE %s %s TRIGGER %I', t.tgrelid::regclass, s.usual, t.tgname) AS drop,
    'trigger' AS about_kind, r.schema AS about_schema, r.name AS about_name, p.tgname AS about_member,
    'pg_trigger'::regclass::oid AS holder_class, (
        SELECT a.oid FROM pg_catalog.pg_partition_ancestors(t.tgrelid) AS g JOIN pg_catalog.pg_trigger AS a
            ON a.tgrelid = g.relid AND a.tgname = t.tgname AND a.tgparentid = 0
    ) AS holder, 0 AS holder_number
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_trigger AS p ON p.oid = t.tgparentid
JOIN relations AS r ON r.oid = p.tgrelid
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
    format('ALTER TABLE %s ENABLE TRIGGER ALL', t.tgrelid::regclass),
    'constraint', r.schema, r.name, c.conname,
    'pg_constraint'::regclass, c.oid, 0
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_constraint AS c ON c.oid = t.tgconstraint
JOIN relations AS r ON r.oid = c.conrelid
WHERE t.tgisinternal AND t.tgenabled <> 'O' AND t.tgrelid IN (SELECT oid FROM relations)
GROUP BY c.oid, c.conname, c.conrelid, t.tgrelid, r.schema, r.name
UNION ALL
-- What an index has for itself that is part of a partitioned table's index.
SELECT 'index storage', format('%s of index %s', o.name, x.indexrelid::regclass),
    format('ALTER INDEX %s %s', x.indexrelid::regclass, o.own), true,
    format('ALTER INDEX %s %s', x.indexrelid::regclass, o.usual), NULL, NULL, NULL, NULL, 'pg_class'::regclass, x.indexrelid, 0
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_index AS x ON x.indexrelid = i.inhrelid
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
CROSS JOIN LATERAL (
    SELECT option_name AS name, CASE WHEN a.option_value IS NULL THEN format('RESET (%I)', option_name)
            ELSE format('SET (%I = %L)', option_name, a.option_value) END AS own,
        CASE WHEN b.option_value IS NULL THEN format('RESET (%I)', option_name)
            ELSE format('SET (%I = %L)', option_name, b.option_value) END AS usual
    FROM pg_catalog.pg_options_to_table(c.reloptions) AS a
    FULL JOIN pg_catalog.pg_options_to_table(p.reloptions) AS b USING (option_name)
    WHERE a.option_value IS DISTINCT FROM b.option_value
    UNION ALL
    SELECT 'tablespace', 'SET TABLESPACE ' || quote_ident((SELECT spcname FROM pg_catalog.pg_tablespace
            WHERE oid = coalesce(nullif(c.reltablespace, 0), d.dattablespace))),
        'SET TABLESPACE ' || quote_ident((SELECT spcname FROM pg_catalog.pg_tablespace
            WHERE oid = coalesce(nullif(p.reltablespace, 0), d.dattablespace)))
    FROM pg_catalog.pg_database AS d
    WHERE d.datname = current_database() AND c.reltablespace <> p.reltablespace
) AS o
WHERE x.indrelid IN (SELECT oid FROM relations)
UNION ALL
-- The replica identity of a materialised view.
SELECT 'replica identity', r.oid::regclass::text, format('ALTER TABLE %s REPLICA IDENTITY %s', r.oid::regclass,
        CASE r.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX ' || quote_ident((
            SELECT i.relname FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
            WHERE x.indrelid = r.oid AND x.indisreplident)) END), true,
    format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', r.oid::regclass), NULL, NULL, NULL, NULL, 'pg_class'::regclass, r.oid, 0
FROM pg_catalog.pg_class AS r
WHERE r.relkind = 'm' AND r.relreplident <> 'd' AND r.oid IN (SELECT oid FROM relations)
UNION ALL
-- The sequence inside an identity column that is logged where its table is not, or the reverse.
SELECT 'sequence persistence', r.oid::regclass::text,
    format('ALTER SEQUENCE %s SET %s', r.oid::regclass, CASE r.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END),
    true,
    format('ALTER SEQUENCE %s SET %s', r.oid::regclass, CASE t.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END),
    NULL, NULL, NULL, NULL, d.refclassid, d.refobjid, d.refobjsubid
FROM pg_catalog.pg_class AS r
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'i'
    AND d.refclassid = d.classid AND d.refobjsubid > 0
JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid
WHERE r.relkind = 'S' AND r.relpersistence <> t.relpersistence AND t.oid IN (SELECT oid FROM relations)
UNION ALL
-- ALTER … DEPENDS ON EXTENSION
SELECT 'extension dependency', format('%s on %I', i.identity, e.extname),
    format('ALTER %s %s DEPENDS ON EXTENSION %I', upper(i.type), i.identity, e.extname), true,
    format('ALTER %s %s NO DEPENDS ON EXTENSION %I', upper(i.type), i.identity, e.extname), NULL, NULL, NULL, NULL, d.classid, d.objid, 0
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) AS i
WHERE d.deptype = 'x'
UNION ALL
-- Comments on indexes that constraints own, on NOT NULL constraints, those of domains too, on triggers that a partition
-- has from its parent, on the rules that views are, and on types that come with another one.
SELECT 'comment', format('%s %s', i.type, i.identity),
    format('COMMENT ON %s IS %L', coalesce(o.place, 'INDEX ' || i.identity), n.description), true,
    format('COMMENT ON %s IS NULL', coalesce(o.place, 'INDEX ' || i.identity)), NULL, NULL, NULL, NULL,
    coalesce(o.holder_class, n.classoid), coalesce(o.holder, n.objoid), coalesce(o.number, 0)
FROM pg_catalog.pg_description AS n
JOIN (
    SELECT 'pg_class'::regclass::oid AS classid, conindid AS objid, NULL AS place,
        NULL::oid AS holder_class, NULL::oid AS holder, 0 AS number
    FROM pg_catalog.pg_constraint WHERE contype IN ('p', 'u', 'x') AND conrelid IN (SELECT oid FROM relations)
    UNION ALL
    SELECT 'pg_constraint'::regclass, oid, format('CONSTRAINT %I ON %s', conname,
        CASE conrelid WHEN 0 THEN 'DOMAIN ' || pg_catalog.format_type(contypid, NULL) ELSE conrelid::regclass::text END),
        CASE conrelid WHEN 0 THEN 'pg_type'::regclass ELSE 'pg_class'::regclass END,
        CASE conrelid WHEN 0 THEN contypid ELSE conrelid END, coalesce(conkey[1], 0)
    FROM pg_catalog.pg_constraint
    WHERE contype = 'n' AND (conrelid IN (SELECT oid FROM relations) OR contypid IN (SELECT oid FROM types))
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, format('TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass),
        'pg_trigger'::regclass, a.oid, 0
    FROM pg_catalog.pg_trigger AS t
    CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(t.tgrelid) AS g
    JOIN pg_catalog.pg_trigger AS a ON a.tgrelid = g.relid AND a.tgname = t.tgname AND a.tgparentid = 0
    WHERE t.tgparentid <> 0 AND t.tgrelid IN (SELECT oid FROM relations)
    UNION ALL
    SELECT 'pg_rewrite'::regclass, oid, format('RULE %I ON %s', rulename, ev_class::regclass), NULL, NULL, 0
    FROM pg_catalog.pg_rewrite WHERE rulename = '_RETURN' AND ev_class IN (SELECT oid FROM relations)
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 'TYPE ' || pg_catalog.format_type(t.oid, NULL), NULL, NULL, 0
    FROM pg_catalog.pg_type AS t
    WHERE t.oid >= 16384 AND (t.typtype = 'm' OR t.typcategory = 'A')
        AND EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
            AND d.refclassid = d.classid AND d.refobjid IN (SELECT oid FROM types))
) AS o ON o.classid = n.classoid AND o.objid = n.objoid
CROSS JOIN LATERAL pg_catalog.pg_identify_object(n.classoid, n.objoid, 0) AS i
UNION ALL
SELECT 'security label', format('%s of %s %s', l.provider, i.type, i.identity), l.label, false, '', NULL, NULL, NULL, NULL,
    l.classoid, l.objoid, l.objsubid
FROM pg_catalog.pg_seclabel AS l
CROSS JOIN LATERAL pg_catalog.pg_identify_object(l.classoid, l.objoid, l.objsubid) AS i
