-- Columns of tables, views and materialised views, and the sequences beside them.

sequence_options AS MATERIALIZED (
    SELECT seqrelid AS oid, json_build_object(
        'type', pg_catalog.format_type(seqtypid, NULL),
        'start', seqstart,
        'increment', seqincrement,
        'minimum', seqmin,
        'maximum', seqmax,
        'cache', seqcache,
        'cycle', seqcycle
    ) AS options
    FROM pg_catalog.pg_sequence
),

-- One row for each column that owns a sequence; an identity column owns nothing else.
column_sequences AS MATERIALIZED (
    SELECT o.relation, o.number, o.identity, r.schema, r.name, s.options,
        'nextval(' || quote_literal(quote_ident(r.schema) || '.' || quote_ident(r.name)) || '::regclass)' AS nextval
    FROM owned_sequences AS o
    JOIN sequence_options AS s ON s.oid = o.sequence
    LEFT JOIN relations AS r ON r.oid = o.sequence
),

defaults AS MATERIALIZED (
    SELECT d.adrelid AS relation, d.adnum AS number, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression
    FROM pg_catalog.pg_attrdef AS d
    JOIN relations AS r ON r.oid = d.adrelid
),

column_parts AS MATERIALIZED (
    SELECT a.attrelid AS relation, a.attnum AS number, json_build_object(
        'name', a.attname,
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN c.name END,
        'not_null', a.attnotnull,
        'default', CASE WHEN a.attgenerated = '' THEN d.expression END,
        'owned_sequence', CASE WHEN s.relation IS NOT NULL
            THEN json_build_object('schema', s.schema, 'name', s.name) END,
        'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END,
        'identity_options', i.options,
        'generated', CASE WHEN a.attgenerated <> '' THEN d.expression END,
        'generated_kind', CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END,
        'inherited', NOT a.attislocal,
        'storage', CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage
            WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END,
        'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
        'statistics', nullif(a.attstattarget, -1),
        'options', CASE WHEN a.attoptions IS NULL AND a.attfdwoptions IS NULL THEN '[]'::json ELSE (
            SELECT json_agg(o.text ORDER BY o.text COLLATE "C") FROM (
                SELECT unnest(a.attoptions) AS text
                UNION ALL
                SELECT 'fdw.' || unnest(a.attfdwoptions)
            ) AS o) END,
        'comment', n.comment,
        'granted', coalesce(p.granted, '[]'::json)
    ) AS item
    FROM pg_catalog.pg_attribute AS a
    JOIN relations AS r ON r.oid = a.attrelid AND r.kind NOT IN ('c', 'S')
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN collations AS c ON c.oid = a.attcollation
    LEFT JOIN defaults AS d ON d.relation = a.attrelid AND d.number = a.attnum
    LEFT JOIN column_sequences AS s
        ON NOT s.identity AND s.relation = a.attrelid AND s.number = a.attnum AND s.nextval = d.expression
    LEFT JOIN column_sequences AS i ON i.identity AND i.relation = a.attrelid AND i.number = a.attnum
    LEFT JOIN notes AS n ON n.classid = 'pg_class'::regclass AND n.objid = a.attrelid AND n.number = a.attnum
    LEFT JOIN privileges AS p ON p.classid = 'pg_class'::regclass AND p.objid = a.attrelid AND p.number = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
),

columns AS MATERIALIZED (
    SELECT relation, json_agg(item ORDER BY number) AS items FROM column_parts GROUP BY relation
),

sequence_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'schema', r.schema,
        'name', r.name,
        'options', s.options,
        'owned_by', CASE WHEN o.relation IS NOT NULL THEN json_build_array(n.nspname, c.relname, t.attname) END,
        'unlogged', q.relpersistence = 'u',
        'access', a.access
    ) ORDER BY r.schema, r.name), '[]'::json) AS items
    FROM relations AS r
    JOIN pg_catalog.pg_class AS q ON q.oid = r.oid
    JOIN access AS a ON a.classid = 'pg_class'::regclass AND a.objid = r.oid
    JOIN sequence_options AS s ON s.oid = r.oid
    LEFT JOIN owned_sequences AS o ON o.sequence = r.oid AND NOT o.identity
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = o.relation
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attribute AS t ON t.attrelid = o.relation AND t.attnum = o.number
    WHERE r.kind = 'S'
)
