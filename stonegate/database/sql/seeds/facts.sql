-- What the seeders' tables look like: columns, keys, sequences, and whether inserting has side effects.
-- `comparable` is false for types without a default B-tree order (json, xml, point, composites and arrays of them): they
-- have no equality, or not the wanted one. `bare` is the type without its modifier, so that assigning to the column
-- still checks the length. A sequence is `new` if this very transaction made it: the rows of its columns in
-- pg_attribute never change. Manual: 53.26 pg_index, 53.18 pg_depend.
WITH RECURSIVE wanted AS MATERIALIZED (
    SELECT w.schema, w.name, c.oid
    FROM ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[])) AS w (schema, name)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p', 'v', 'f')
),
attributes AS MATERIALIZED (
    SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attidentity <> '' AS identity
    FROM wanted AS w
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.oid AND a.attnum > 0 AND NOT a.attisdropped
),
unwrapped AS (
    SELECT DISTINCT a.atttypid AS type, a.atttypid AS inner_type FROM attributes AS a
    UNION
    SELECT u.type, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END
    FROM unwrapped AS u
    JOIN pg_catalog.pg_type AS t ON t.oid = u.inner_type
    WHERE t.typtype = 'd' OR (t.typcategory = 'A' AND t.typelem <> 0)
),
types AS MATERIALIZED (
    SELECT u.type, pg_catalog.bool_or(t.typtype IN ('e', 'r', 'm') OR EXISTS (
        SELECT FROM pg_catalog.pg_opclass AS o
        JOIN pg_catalog.pg_am AS m ON m.oid = o.opcmethod AND m.amname = 'btree'
        WHERE o.opcdefault AND (o.opcintype = t.oid OR o.opcintype IN (
            SELECT c.casttarget FROM pg_catalog.pg_cast AS c
            WHERE c.castsource = t.oid AND c.castmethod = 'b' AND c.castcontext = 'i'
        ))
    )) AS comparable,
    pg_catalog.bool_or(t.oid IN ('smallint'::regtype::oid, 'integer'::regtype::oid, 'bigint'::regtype::oid)) AS counts,
    pg_catalog.bool_or(t.oid = u.type AND t.typcategory IN ('N', 'B') AND t.typtype = 'b') AS plain
    FROM unwrapped AS u
    JOIN pg_catalog.pg_type AS t ON t.oid = u.inner_type
    WHERE t.typtype <> 'd' AND NOT (t.typcategory = 'A' AND t.typelem <> 0)
    GROUP BY u.type
),
columns AS (
    SELECT a.attrelid AS relation, pg_catalog.json_agg(pg_catalog.json_build_object(
        'number', a.attnum,
        'name', a.attname,
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'bare', pg_catalog.format_type(a.atttypid, -1),
        'comparable', t.comparable,
        'plain', t.plain,
        'not_null', a.attnotnull,
        'identity', a.identity
    ) ORDER BY a.attnum) AS items
    FROM attributes AS a
    JOIN types AS t ON t.type = a.atttypid
    GROUP BY a.attrelid
),
keys AS (
    SELECT i.indrelid AS relation, pg_catalog.json_agg(
        (i.indkey::smallint[])[0 : i.indnkeyatts - 1] ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
    ) AS items
    FROM wanted AS w
    JOIN pg_catalog.pg_index AS i ON i.indrelid = w.oid
    WHERE i.indisunique AND i.indisvalid AND NOT i.indisexclusion AND i.indpred IS NULL AND i.indexprs IS NULL
    GROUP BY i.indrelid
),
feeding AS (
    SELECT d.refobjid AS relation, d.refobjsubid AS number, d.objid AS sequence
    FROM wanted AS w
    JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_class'::regclass::oid AND d.refobjid = w.oid AND d.refobjsubid > 0
    WHERE d.classid = 'pg_class'::regclass::oid AND d.deptype IN ('a', 'i')
    UNION
    SELECT e.adrelid, e.adnum, d.refobjid
    FROM wanted AS w
    JOIN pg_catalog.pg_attrdef AS e ON e.adrelid = w.oid
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_attrdef'::regclass::oid AND d.objid = e.oid
    WHERE d.refclassid = 'pg_class'::regclass::oid AND d.refobjid <> e.adrelid
),
sequences AS (
    SELECT f.relation, pg_catalog.json_agg(pg_catalog.json_build_object(
        'column', a.attname,
        'name', pg_catalog.format('%%I.%%I', n.nspname, c.relname),
        'increment', s.seqincrement,
        'minimum', s.seqmin,
        'maximum', s.seqmax,
        'new', coalesce(
            v.xmin::text::bigint = pg_catalog.pg_current_xact_id_if_assigned()::text::bigint %% 4294967296, false
        )
    ) ORDER BY f.number, s.seqrelid) AS items
    FROM feeding AS f
    JOIN attributes AS a ON a.attrelid = f.relation AND a.attnum = f.number
    JOIN types AS t ON t.type = a.atttypid AND t.counts
    JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = f.sequence
    JOIN pg_catalog.pg_class AS c ON c.oid = f.sequence
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS v ON v.attrelid = f.sequence AND v.attnum = 1
    GROUP BY f.relation
)
SELECT w.schema, w.name, coalesce(c.items, '[]'::json), coalesce(k.items, '[]'::json), coalesce(s.items, '[]'::json),
    EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = w.oid AND NOT g.tgisinternal)
    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = w.oid AND r.ev_type = '3')
FROM wanted AS w
LEFT JOIN columns AS c ON c.relation = w.oid
LEFT JOIN keys AS k ON k.relation = w.oid
LEFT JOIN sequences AS s ON s.relation = w.oid
