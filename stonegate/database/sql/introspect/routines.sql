-- Functions, procedures, window functions and aggregates (manual: CREATE FUNCTION, CREATE AGGREGATE).

parameter_parts AS MATERIALIZED (
    SELECT p.oid, u.position, coalesce(u.mode, 'i') AS mode, coalesce(u.name, '') AS name,
        pg_catalog.format_type(u.type, NULL) AS type,
        CASE WHEN p.pronargdefaults > 0
            THEN pg_catalog.pg_get_function_arg_default(p.oid, u.position::int) END AS fallback
    FROM procs AS r
    JOIN pg_catalog.pg_proc AS p ON p.oid = r.oid
    CROSS JOIN LATERAL ROWS FROM (
        unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])), unnest(p.proargnames), unnest(p.proargmodes)
    ) WITH ORDINALITY AS u (type, name, mode, position)
    WHERE u.type IS NOT NULL
),

parameters AS MATERIALIZED (
    SELECT oid,
        json_agg(json_build_object(
            'name', name,
            'mode', CASE mode WHEN 'i' THEN 'in' WHEN 'o' THEN 'out' WHEN 'b' THEN 'inout' WHEN 'v' THEN 'variadic'
                ELSE 'table' END,
            'type', type,
            'default', fallback
        ) ORDER BY position) AS items,
        coalesce(json_agg(type ORDER BY position) FILTER (WHERE mode IN ('i', 'b', 'v')), '[]'::json) AS arguments,
        string_agg(type, ', ' ORDER BY position) FILTER (WHERE mode IN ('i', 'b', 'v')) AS signature
    FROM parameter_parts
    GROUP BY oid
),

-- CREATE AGGREGATE has no deparser in PostgreSQL; options at their defaults are left out.
aggregates AS MATERIALIZED (
    SELECT r.oid, format('CREATE OR REPLACE AGGREGATE %I.%I(%s) (%s)', r.schema, r.name,
        CASE WHEN p.pronargs = 0 AND a.aggkind = 'n' THEN '*' ELSE pg_catalog.pg_get_function_arguments(p.oid) END,
        concat_ws(', ',
            'SFUNC = ' || a.aggtransfn::text,
            'STYPE = ' || pg_catalog.format_type(a.aggtranstype, NULL),
            'SSPACE = ' || nullif(a.aggtransspace, 0),
            CASE WHEN a.aggfinalfn <> 0 THEN 'FINALFUNC = ' || a.aggfinalfn::text END,
            CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
            CASE WHEN a.aggfinalmodify <> w.usual THEN 'FINALFUNC_MODIFY = ' || w.final END,
            CASE WHEN a.aggcombinefn <> 0 THEN 'COMBINEFUNC = ' || a.aggcombinefn::text END,
            CASE WHEN a.aggserialfn <> 0 THEN 'SERIALFUNC = ' || a.aggserialfn::text END,
            CASE WHEN a.aggdeserialfn <> 0 THEN 'DESERIALFUNC = ' || a.aggdeserialfn::text END,
            'INITCOND = ' || quote_literal(a.agginitval),
            CASE WHEN a.aggmtransfn <> 0 THEN 'MSFUNC = ' || a.aggmtransfn::text END,
            CASE WHEN a.aggminvtransfn <> 0 THEN 'MINVFUNC = ' || a.aggminvtransfn::text END,
            CASE WHEN a.aggmtranstype <> 0 THEN 'MSTYPE = ' || pg_catalog.format_type(a.aggmtranstype, NULL) END,
            'MSSPACE = ' || nullif(a.aggmtransspace, 0),
            CASE WHEN a.aggmfinalfn <> 0 THEN 'MFINALFUNC = ' || a.aggmfinalfn::text END,
            CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
            CASE WHEN a.aggmtransfn <> 0 AND a.aggmfinalmodify <> w.usual
                THEN 'MFINALFUNC_MODIFY = ' || w.moving END,
            'MINITCOND = ' || quote_literal(a.aggminitval),
            CASE WHEN a.aggsortop <> 0 THEN format('SORTOP = OPERATOR(%I.%s)', n.nspname, o.oprname) END,
            CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END,
            CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END
        )) AS definition
    FROM procs AS r
    JOIN pg_catalog.pg_proc AS p ON p.oid = r.oid
    JOIN pg_catalog.pg_aggregate AS a ON a.aggfnoid = p.oid
    LEFT JOIN pg_catalog.pg_operator AS o ON o.oid = a.aggsortop
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
    CROSS JOIN LATERAL (
        SELECT CASE a.aggkind WHEN 'n' THEN 'r'::"char" ELSE 'w' END AS usual,
            CASE a.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END AS final,
            CASE a.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END AS moving
    ) AS w
    WHERE r.kind = 'a'
),

-- pg_get_functiondef ends in "AS $tag$body$tag$\n"; the tag grows by an x for each one that the body holds. Bodies of
-- BEGIN ATOMIC and of C functions stay where they are.
routine_texts AS MATERIALIZED (
    SELECT d.oid, d.text,
        CASE WHEN d.apart THEN left(d.text, -(6 + 2 * (d.tag + d.stretch) + length(d.prosrc))) ELSE d.text END AS head,
        CASE WHEN d.apart THEN d.prosrc ELSE '' END AS body
    FROM (
        SELECT t.oid, t.prosrc, t.text, t.tag, t.apart,
            length(t.text) - 1 - length(rtrim(left(t.text, -1), 'x')) AS stretch
        FROM (
            SELECT p.oid, p.prosrc, CASE p.prokind WHEN 'p' THEN 11 ELSE 10 END AS tag,
                p.prosqlbody IS NULL AND l.lanname <> 'c' AS apart,
                rtrim(pg_catalog.pg_get_functiondef(p.oid), E'\n') AS text
            FROM procs AS r
            JOIN pg_catalog.pg_proc AS p ON p.oid = r.oid
            JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
            WHERE r.kind <> 'a'
        ) AS t
    ) AS d
    UNION ALL
    SELECT oid, definition, definition, '' FROM aggregates
),

routine_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'schema', r.schema,
        'name', r.name,
        'kind', CASE r.kind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window function'
            ELSE 'function' END,
        'arguments', coalesce(i.arguments, '[]'::json),
        'parameters', coalesce(i.items, '[]'::json),
        'returns', coalesce(pg_catalog.pg_get_function_result(r.oid), ''),
        'returns_set', p.proretset,
        'language', l.lanname,
        'head', t.head,
        'body', t.body,
        'definition', t.text,
        'security_definer', p.prosecdef,
        'access', a.access
    ) ORDER BY r.schema, r.name, i.signature COLLATE "C" NULLS FIRST), '[]'::json) AS items
    FROM procs AS r
    JOIN pg_catalog.pg_proc AS p ON p.oid = r.oid
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    JOIN routine_texts AS t ON t.oid = r.oid
    JOIN access AS a ON a.classid = 'pg_proc'::regclass AND a.objid = r.oid
    LEFT JOIN parameters AS i ON i.oid = r.oid
)
