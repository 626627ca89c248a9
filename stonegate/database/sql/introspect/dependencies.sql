-- pg_depend in the words of the model: from and to what people name, members at column grain.

-- The keys as JSON text, built once for each object: an edge is two of them side by side.
relation_names AS MATERIALIZED (
    SELECT oid, kind, '"schema":' || to_json(schema::text) || ',"name":' || to_json(name::text) AS name,
        CASE kind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type'
            ELSE 'table' END AS word
    FROM relations
),

relation_keys AS MATERIALIZED (
    SELECT oid, kind, name, '{"kind":"' || word || '",' || name || '}' AS key FROM relation_names
),

column_keys AS MATERIALIZED (
    SELECT a.attrelid AS relation, a.attnum AS number, CASE
        WHEN r.kind IN ('v', 'm') THEN r.key
        ELSE '{"kind":"' || CASE r.kind WHEN 'c' THEN 'attribute' ELSE 'column' END || '",' || r.name
            || ',"member":' || to_json(a.attname::text) || '}' END AS key
    FROM pg_catalog.pg_attribute AS a
    JOIN relation_keys AS r ON r.oid = a.attrelid AND r.kind <> 'S'
    WHERE a.attnum > 0 AND NOT a.attisdropped
),

type_keys AS MATERIALIZED (
    SELECT oid, '{"kind":"type","schema":' || to_json(schema::text) || ',"name":' || to_json(name::text) || '}' AS key
    FROM types
    UNION ALL
    SELECT t.oid, r.key
    FROM relation_keys AS r
    JOIN pg_catalog.pg_type AS t ON t.typrelid = r.oid
    WHERE r.kind NOT IN ('S', 'c')
),

all_type_keys AS MATERIALIZED (
    SELECT oid, key FROM type_keys
    UNION ALL
    SELECT t.typarray, k.key FROM type_keys AS k JOIN pg_catalog.pg_type AS t ON t.oid = k.oid AND t.typarray <> 0
    UNION ALL
    SELECT r.rngmultitypid, k.key FROM type_keys AS k JOIN pg_catalog.pg_range AS r ON r.rngtypid = k.oid
),

nodes AS MATERIALIZED (
    SELECT 'pg_class'::regclass::oid AS classid, oid AS objid, 0 AS number, key FROM relation_keys
    UNION ALL
    SELECT 'pg_class'::regclass, relation, number, key FROM column_keys
    UNION ALL
    SELECT 'pg_attrdef'::regclass, d.oid, 0, c.key
    FROM pg_catalog.pg_attrdef AS d JOIN column_keys AS c ON c.relation = d.adrelid AND c.number = d.adnum
    UNION ALL
    SELECT 'pg_type'::regclass, oid, 0, key FROM all_type_keys
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, '{"kind":"routine","schema":' || to_json(p.schema::text) || ',"name":'
        || to_json(p.name::text) || ',"arguments":' || to_json(coalesce(s.signature, '')) || '}'
    FROM procs AS p LEFT JOIN parameters AS s ON s.oid = p.oid
    UNION ALL
    SELECT 'pg_constraint'::regclass, c.oid, 0,
        '{"kind":"constraint",' || r.name || ',"member":' || to_json(c.name::text) || '}'
    FROM constraint_parts AS c JOIN relation_keys AS r ON r.oid = c.relation
    UNION ALL
    SELECT 'pg_constraint'::regclass, c.oid, 0, t.key
    FROM pg_catalog.pg_constraint AS c JOIN type_keys AS t ON t.oid = c.contypid
    UNION ALL
    SELECT 'pg_class'::regclass, c.index, 0,
        '{"kind":"constraint",' || r.name || ',"member":' || to_json(c.name::text) || '}'
    FROM constraint_parts AS c JOIN relation_keys AS r ON r.oid = c.relation WHERE c.index <> 0
    UNION ALL
    SELECT 'pg_class'::regclass, i.oid, 0,
        '{"kind":"index","schema":' || to_json(r.schema::text) || ',"name":' || to_json(i.name::text) || '}'
    FROM index_parts AS i JOIN relations AS r ON r.oid = i.relation
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, 0,
        '{"kind":"trigger",' || r.name || ',"member":' || to_json(t.name::text) || '}'
    FROM trigger_parts AS t JOIN relation_keys AS r ON r.oid = t.relation
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid, 0,
        '{"kind":"policy",' || r.name || ',"member":' || to_json(p.polname::text) || '}'
    FROM pg_catalog.pg_policy AS p JOIN relation_keys AS r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'pg_rewrite'::regclass, w.oid, 0, r.key
    FROM pg_catalog.pg_rewrite AS w JOIN relation_keys AS r ON r.oid = w.ev_class WHERE w.rulename = '_RETURN'
    UNION ALL
    SELECT classid, objid, 0, '{"kind":"other","schema":"","name":' || to_json(kind || ' ' || identity) || '}'
    FROM other_parts
    UNION ALL
    SELECT 'pg_extension'::regclass, oid, 0, '{"kind":"extension","schema":"","name":' || to_json(extname::text) || '}'
    FROM pg_catalog.pg_extension
    UNION ALL
    SELECT m.classid, m.objid, 0, '{"kind":"extension","schema":"","name":' || to_json(e.extname::text) || '}'
    FROM members AS m JOIN pg_catalog.pg_extension AS e ON e.oid = m.extension
),

-- A dependency on the schema goes without saying: the key names it.
dependency_list AS (
    SELECT coalesce(('[' || string_agg(e.edge, ',' ORDER BY e.edge COLLATE "C") || ']')::json, '[]'::json) AS items
    FROM (
        SELECT DISTINCT '{"dependent":' || a.key || ',"on":' || b.key || '}' AS edge
        FROM pg_catalog.pg_depend AS d
        JOIN nodes AS a ON a.classid = d.classid AND a.objid = d.objid AND a.number = d.objsubid
        JOIN nodes AS b ON b.classid = d.refclassid AND b.objid = d.refobjid AND b.number = d.refobjsubid
        WHERE d.deptype <> 'e' AND a.key <> b.key
    ) AS e
)
