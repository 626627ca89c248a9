-- Enums, composite types, domains and ranges (manual: CREATE TYPE, CREATE DOMAIN).
WITH spaces AS MATERIALIZED ([[spaces]]),

notes AS MATERIALIZED ([[notes]]),

types AS MATERIALIZED (
    SELECT t.*, concat('{', t.named) AS start,
        concat(',"access":', [[access owner=t.owner; comment=n.text; acl=t.acl; kind='T']], '}') AS finish
    FROM ([[types]]) AS t
    LEFT JOIN notes AS n ON n.classid = 'pg_type'::regclass AND n.objid = t.oid
)

SELECT concat('"enums":[', (
    SELECT string_agg(concat(t.start, ',"labels":[', (
        SELECT string_agg(to_json(e.enumlabel::text)::text, ',' ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid
    ), ']', t.finish), ',' ORDER BY t.schema, t.name)
    FROM types AS t
    WHERE t.kind = 'e'
), '],"composites":[', (
    SELECT string_agg(concat(t.start, ',"attributes":[', (
        SELECT string_agg(concat('{"name":', to_json(a.attname::text),
            ',"type":', to_json(pg_catalog.format_type(a.atttypid, a.atttypmod)),
            ',"collation":' || CASE WHEN a.attcollation <> (
                SELECT y.typcollation FROM pg_catalog.pg_type AS y WHERE y.oid = a.atttypid
            ) THEN to_json([[collation oid=a.attcollation]]) END,
            ',"comment":' || to_json(n.text), '}'), ',' ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        LEFT JOIN notes AS n ON n.classid = 'pg_class'::regclass AND n.objid = a.attrelid AND n.number = a.attnum
        WHERE a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped
    ), ']', t.finish), ',' ORDER BY t.schema, t.name)
    FROM types AS t
    WHERE t.kind = 'c'
), '],"domains":[', (
    SELECT string_agg(concat(t.start,
        ',"base":', to_json(pg_catalog.format_type(t.typbasetype, t.typtypmod)),
        ',"collation":' || CASE WHEN t.typcollation <> b.typcollation THEN to_json([[collation oid=t.typcollation]]) END,
        CASE WHEN t.typnotnull THEN ',"not_null":true' END,
        -- PostgreSQL 18 lists it among the constraints, older ones have no name for it.
        ',"not_null_name":' || (
            SELECT to_json(nullif(c.conname::text, t.name || '_not_null'))
            FROM pg_catalog.pg_constraint AS c
            WHERE c.contypid = t.oid AND c.contype = 'n'
        ),
        ',"default":' || to_json(coalesce(pg_catalog.pg_get_expr(t.typdefaultbin, 0), t.typdefault)),
        ',"constraints":[' || (
            SELECT string_agg(concat('{"name":', to_json(c.conname::text), ',"kind":"check"',
                ',"definition":', to_json(pg_catalog.pg_get_constraintdef(c.oid)),
                ',"comment":' || to_json(n.text), '}'), ',' ORDER BY c.conname)
            FROM pg_catalog.pg_constraint AS c
            LEFT JOIN notes AS n ON n.classid = 'pg_constraint'::regclass AND n.objid = c.oid
            WHERE c.contypid = t.oid AND c.contype = 'c'
        ) || ']', t.finish), ',' ORDER BY t.schema, t.name)
    FROM types AS t
    JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
    WHERE t.kind = 'd'
), '],"ranges":[', (
    SELECT string_agg(concat(t.start, ',"definition":', to_json(concat_ws(', ',
        'subtype = ' || pg_catalog.format_type(r.rngsubtype, NULL),
        CASE WHEN NOT o.opcdefault THEN format('subtype_opclass = %s.%I', o.opcnamespace::regnamespace, o.opcname) END,
        CASE WHEN r.rngcollation <> s.typcollation THEN 'collation = ' || [[collation oid=r.rngcollation]] END,
        CASE WHEN r.rngcanonical::oid <> 0 THEN 'canonical = ' || r.rngcanonical::text END,
        CASE WHEN r.rngsubdiff::oid <> 0 THEN 'subtype_diff = ' || r.rngsubdiff::text END,
        'multirange_type_name = ' || pg_catalog.format_type(r.rngmultitypid, NULL)
    )), t.finish), ',' ORDER BY t.schema, t.name)
    FROM types AS t
    JOIN pg_catalog.pg_range AS r ON r.rngtypid = t.oid
    JOIN pg_catalog.pg_type AS s ON s.oid = r.rngsubtype
    JOIN pg_catalog.pg_opclass AS o ON o.oid = r.rngsubopc
    WHERE t.kind = 'r'
), ']')
