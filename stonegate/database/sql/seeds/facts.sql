-- What the seeders' tables look like: columns, keys, sequences, and whether inserting has side effects.
-- `comparable` is false for types without a default B-tree order (json, xml, point, composites and arrays of them): they
-- have no equality, or not the wanted one. `bare` is the type without its modifier, so that assigning to the column
-- still checks the length. Manual: 53.26 pg_index, 53.18 pg_depend.
WITH RECURSIVE wanted AS (
    SELECT w.schema, w.name, c.oid
    FROM ROWS FROM (unnest(%(schemas)s::text[]), unnest(%(names)s::text[])) AS w (schema, name)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p', 'v', 'f')
),
unwrapped AS (
    SELECT DISTINCT a.atttypid AS type, a.atttypid AS inner_type
    FROM wanted AS w
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT u.type, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END
    FROM unwrapped AS u
    JOIN pg_catalog.pg_type AS t ON t.oid = u.inner_type
    WHERE t.typtype = 'd' OR (t.typcategory = 'A' AND t.typelem <> 0)
),
comparable AS (
    SELECT u.type, bool_or(t.typtype IN ('e', 'r', 'm') OR EXISTS (
        SELECT FROM pg_catalog.pg_opclass AS o
        JOIN pg_catalog.pg_am AS m ON m.oid = o.opcmethod AND m.amname = 'btree'
        WHERE o.opcdefault AND (o.opcintype = t.oid OR o.opcintype IN (
            SELECT c.casttarget FROM pg_catalog.pg_cast AS c
            WHERE c.castsource = t.oid AND c.castmethod = 'b' AND c.castcontext = 'i'
        ))
    )) AS yes
    FROM unwrapped AS u
    JOIN pg_catalog.pg_type AS t ON t.oid = u.inner_type
    WHERE t.typtype <> 'd' AND NOT (t.typcategory = 'A' AND t.typelem <> 0)
    GROUP BY u.type
),
sequences AS (
    SELECT d.refobjid AS relation, d.refobjsubid AS number, d.objid AS sequence
    FROM wanted AS w
    JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = w.oid AND d.refobjsubid > 0
    WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    UNION
    SELECT e.adrelid, e.adnum, d.refobjid
    FROM wanted AS w
    JOIN pg_catalog.pg_attrdef AS e ON e.adrelid = w.oid
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> e.adrelid
)
SELECT w.schema, w.name,
    (
        SELECT json_agg(json_build_object(
            'name', a.attname,
            'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
            'bare', pg_catalog.format_type(a.atttypid, -1),
            'comparable', c.yes,
            'plain', t.typcategory IN ('N', 'B') AND t.typtype = 'b',
            'not_null', a.attnotnull,
            'identity', a.attidentity <> ''
        ) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
        JOIN comparable AS c ON c.type = a.atttypid
        WHERE a.attrelid = w.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS columns,
    coalesce((
        SELECT json_agg(k.columns ORDER BY k.indisprimary DESC, json_array_length(k.columns), k.indexrelid)
        FROM (
            SELECT i.indisprimary, i.indexrelid, (
                SELECT json_agg(a.attname ORDER BY p.position)
                FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS p (number, position)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = p.number
                WHERE p.position <= i.indnkeyatts
            ) AS columns
            FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = w.oid AND i.indisunique AND i.indisvalid AND NOT i.indisexclusion
            AND i.indpred IS NULL AND i.indexprs IS NULL
        ) AS k
    ), '[]'::json) AS keys,
    coalesce((
        SELECT json_agg(json_build_array(
            a.attname, pg_catalog.format('%%I.%%I', n.nspname, s.relname)
        ) ORDER BY a.attnum, s.oid)
        FROM sequences AS q
        JOIN pg_catalog.pg_class AS s ON s.oid = q.sequence AND s.relkind = 'S'
        JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = q.relation AND a.attnum = q.number
        JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
        WHERE q.relation = w.oid AND coalesce(nullif(t.typbasetype, 0), t.oid)
            IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
    ), '[]'::json) AS sequences,
    EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = w.oid AND NOT g.tgisinternal
    ) OR EXISTS (
        SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = w.oid AND r.ev_type = '3'
    ) AS has_side_effects
FROM wanted AS w
