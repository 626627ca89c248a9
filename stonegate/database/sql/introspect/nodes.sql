-- Every object that something can depend on, by its address in pg_depend. Keys are JSON text, built once for each
-- object: an edge is two of them side by side.
spaces AS MATERIALIZED ([[spaces]]),

relations AS MATERIALIZED (
    SELECT r.oid, r.kind, r.named, r.schema, r.reltype, concat('{"kind":"', CASE r.kind WHEN 'v' THEN 'view'
        WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' ELSE 'table' END,
        '",', r.named, '}') AS key
    FROM ([[relations]]) AS r
),

-- Columns of views and sequences are not told apart: these are replaced as a whole.
columns AS MATERIALIZED (
    SELECT a.attrelid AS relation, a.attnum AS number, CASE WHEN r.kind IN ('v', 'm', 'S') THEN r.key
        ELSE concat('{"kind":"', CASE r.kind WHEN 'c' THEN 'attribute' ELSE 'column' END, '",', r.named,
            ',"member":', to_json(a.attname::text), '}') END AS key
    FROM pg_catalog.pg_attribute AS a
    JOIN relations AS r ON r.oid = a.attrelid
    WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
),

-- Types by name, and the row types of relations; arrays and multiranges stand for their elements.
types AS MATERIALIZED (
    SELECT t.oid, t.typarray, k.key
    FROM (
        SELECT oid, concat('{"kind":"type",', named, '}') AS key FROM ([[types]]) AS t
        UNION ALL
        SELECT reltype, key FROM relations WHERE reltype <> 0 AND kind <> 'c'
    ) AS k
    JOIN pg_catalog.pg_type AS t ON t.oid = k.oid
),

extensions AS MATERIALIZED (
    SELECT oid, concat('{"kind":"extension","schema":"","name":', to_json(extname::text), '}') AS key
    FROM pg_catalog.pg_extension
),

nodes AS MATERIALIZED (
    SELECT 'pg_class'::regclass::oid AS classid, oid AS objid, 0 AS number, key FROM relations
    UNION ALL
    SELECT 'pg_class'::regclass, relation, number, key FROM columns
    UNION ALL
    -- The sequence inside an identity column is part of that, but others may use it by its name.
    SELECT d.classid, d.objid, generate_series(0, 3),  -- as a whole and by its columns
        concat('{"kind":"sequence","schema":', to_json(n.name::text), ',"name":', to_json(s.relname::text), '}')
    FROM pg_catalog.pg_depend AS d
    JOIN columns AS c ON c.relation = d.refobjid AND c.number = d.refobjsubid
    JOIN pg_catalog.pg_class AS s ON s.oid = d.objid
    JOIN spaces AS n ON n.oid = s.relnamespace
    WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i'
    UNION ALL
    SELECT 'pg_attrdef'::regclass, d.oid, 0, c.key
    FROM pg_catalog.pg_attrdef AS d JOIN columns AS c ON c.relation = d.adrelid AND c.number = d.adnum
    UNION ALL
    SELECT 'pg_type'::regclass, oid, 0, key FROM types
    UNION ALL
    SELECT 'pg_type'::regclass, typarray, 0, key FROM types WHERE typarray <> 0
    UNION ALL
    SELECT 'pg_type'::regclass, r.rngmultitypid, 0, t.key
    FROM types AS t JOIN pg_catalog.pg_range AS r ON r.rngtypid = t.oid
    UNION ALL
    SELECT 'pg_proc'::regclass, r.oid, 0, concat('{"kind":"routine","schema":', to_json(r.schema::text), ',"name":',
        to_json(r.name::text), ',"arguments":', to_json((
            SELECT coalesce(string_agg(pg_catalog.format_type(u.type, NULL), ', ' ORDER BY u.position), '')
            FROM unnest(r.proargtypes::oid[]) WITH ORDINALITY AS u (type, position))), '}')
    FROM ([[routines]]) AS r
    UNION ALL
    -- The constructors of a range type stand for it.
    SELECT d.classid, d.objid, 0, t.key
    FROM pg_catalog.pg_depend AS d JOIN types AS t ON t.oid = d.refobjid
    WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_type'::regclass AND d.deptype = 'i'
    UNION ALL
    SELECT 'pg_constraint'::regclass, c.oid, 0, coalesce(t.key,
        concat('{"kind":"constraint",', r.named, ',"member":', to_json(c.conname::text), '}'))
    FROM pg_catalog.pg_constraint AS c
    LEFT JOIN relations AS r ON r.oid = c.conrelid
    LEFT JOIN types AS t ON t.oid = c.contypid
    WHERE c.oid >= 16384 AND c.contype NOT IN ('n', 't') AND (r.oid IS NOT NULL OR t.oid IS NOT NULL)
        AND (c.conparentid = 0
            OR c.conrelid <> (SELECT p.conrelid FROM pg_catalog.pg_constraint AS p WHERE p.oid = c.conparentid))
    UNION ALL
    SELECT 'pg_class'::regclass, x.indexrelid, 0, CASE WHEN c.oid IS NOT NULL
        THEN concat('{"kind":"constraint",', r.named, ',"member":', to_json(c.conname::text), '}')
        ELSE concat('{"kind":"index","schema":', to_json(r.schema::text), ',"name":', to_json(i.relname::text), '}') END
    FROM pg_catalog.pg_index AS x
    JOIN relations AS r ON r.oid = x.indrelid
    JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
    LEFT JOIN pg_catalog.pg_constraint AS c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, 0,
        concat('{"kind":"trigger",', r.named, ',"member":', to_json(t.tgname::text), '}')
    FROM pg_catalog.pg_trigger AS t JOIN relations AS r ON r.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgparentid = 0
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid, 0,
        concat('{"kind":"policy",', r.named, ',"member":', to_json(p.polname::text), '}')
    FROM pg_catalog.pg_policy AS p JOIN relations AS r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'pg_rewrite'::regclass, w.oid, 0, r.key
    FROM pg_catalog.pg_rewrite AS w JOIN relations AS r ON r.oid = w.ev_class WHERE w.rulename = '_RETURN'
    UNION ALL
    SELECT 'pg_extension'::regclass, oid, 0, key FROM extensions
    UNION ALL
    SELECT m.classid, m.objid, 0, e.key
    FROM pg_catalog.pg_depend AS m JOIN extensions AS e ON e.oid = m.refobjid
    WHERE m.deptype = 'e'
)
