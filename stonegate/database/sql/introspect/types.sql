-- Enums, composite types, domains and ranges (manual: CREATE TYPE, CREATE DOMAIN).

enum_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'schema', t.schema, 'name', t.name, 'labels', e.labels, 'access', a.access
    ) ORDER BY t.schema, t.name), '[]'::json) AS items
    FROM types AS t
    JOIN access AS a ON a.classid = 'pg_type'::regclass AND a.objid = t.oid
    LEFT JOIN (
        SELECT enumtypid AS oid, json_agg(enumlabel ORDER BY enumsortorder) AS labels
        FROM pg_catalog.pg_enum GROUP BY enumtypid
    ) AS e ON e.oid = t.oid
    WHERE t.kind = 'e'
),

attributes AS (
    SELECT a.attrelid AS relation, json_agg(json_build_object(
        'name', a.attname,
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN c.name END,
        'comment', n.comment
    ) ORDER BY a.attnum) AS items
    FROM pg_catalog.pg_attribute AS a
    JOIN relations AS r ON r.oid = a.attrelid AND r.kind = 'c'
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN collations AS c ON c.oid = a.attcollation
    LEFT JOIN notes AS n ON n.classid = 'pg_class'::regclass AND n.objid = a.attrelid AND n.number = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
    GROUP BY a.attrelid
),

composite_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'schema', t.schema, 'name', t.name, 'attributes', coalesce(i.items, '[]'::json), 'access', a.access
    ) ORDER BY t.schema, t.name), '[]'::json) AS items
    FROM types AS t
    JOIN access AS a ON a.classid = 'pg_type'::regclass AND a.objid = t.oid
    LEFT JOIN attributes AS i ON i.relation = t.relation
    WHERE t.kind = 'c'
),

domain_constraints AS (
    SELECT c.contypid AS oid, json_agg(json_build_object(
        'name', c.conname, 'kind', 'check', 'definition', pg_catalog.pg_get_constraintdef(c.oid), 'comment', n.comment
    ) ORDER BY c.conname) AS items
    FROM pg_catalog.pg_constraint AS c
    LEFT JOIN notes AS n ON n.classid = 'pg_constraint'::regclass AND n.objid = c.oid AND n.number = 0
    WHERE c.contypid <> 0 AND c.contype = 'c'
    GROUP BY c.contypid
),

domain_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'schema', t.schema,
        'name', t.name,
        'base', pg_catalog.format_type(d.typbasetype, d.typtypmod),
        'collation', CASE WHEN d.typcollation <> b.typcollation THEN c.name END,
        'not_null', d.typnotnull,
        'default', coalesce(pg_catalog.pg_get_expr(d.typdefaultbin, 0), d.typdefault),
        'constraints', coalesce(i.items, '[]'::json),
        'access', a.access
    ) ORDER BY t.schema, t.name), '[]'::json) AS items
    FROM types AS t
    JOIN pg_catalog.pg_type AS d ON d.oid = t.oid
    JOIN pg_catalog.pg_type AS b ON b.oid = d.typbasetype
    JOIN access AS a ON a.classid = 'pg_type'::regclass AND a.objid = t.oid
    LEFT JOIN collations AS c ON c.oid = d.typcollation
    LEFT JOIN domain_constraints AS i ON i.oid = t.oid
    WHERE t.kind = 'd'
),

range_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'schema', t.schema,
        'name', t.name,
        'definition', concat_ws(', ',
            'subtype = ' || pg_catalog.format_type(r.rngsubtype, NULL),
            CASE WHEN NOT o.opcdefault
                THEN 'subtype_opclass = ' || o.opcnamespace::regnamespace || '.' || quote_ident(o.opcname) END,
            CASE WHEN r.rngcollation <> s.typcollation THEN 'collation = ' || c.name END,
            CASE WHEN r.rngcanonical::oid <> 0 THEN 'canonical = ' || r.rngcanonical::text END,
            CASE WHEN r.rngsubdiff::oid <> 0 THEN 'subtype_diff = ' || r.rngsubdiff::text END,
            'multirange_type_name = ' || pg_catalog.format_type(r.rngmultitypid, NULL)),
        'access', a.access
    ) ORDER BY t.schema, t.name), '[]'::json) AS items
    FROM types AS t
    JOIN access AS a ON a.classid = 'pg_type'::regclass AND a.objid = t.oid
    JOIN pg_catalog.pg_range AS r ON r.rngtypid = t.oid
    JOIN pg_catalog.pg_type AS s ON s.oid = r.rngsubtype
    JOIN pg_catalog.pg_opclass AS o ON o.oid = r.rngsubopc
    LEFT JOIN collations AS c ON c.oid = r.rngcollation
    WHERE t.kind = 'r'
)
