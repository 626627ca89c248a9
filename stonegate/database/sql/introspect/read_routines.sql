-- Functions, procedures, window functions and aggregates (manual: CREATE FUNCTION, CREATE AGGREGATE).
WITH spaces AS MATERIALIZED ([[spaces]]),

routines AS MATERIALIZED ([[routines]]),

-- The definition ends in "AS $tag$body$tag$"; the tag, $function$ or $procedure$, grows by an x for each one that the
-- body holds. Bodies of BEGIN ATOMIC and the two strings of C functions stay where they are.
texts AS MATERIALIZED (
    SELECT d.*, CASE d.kind WHEN 'p' THEN 11 ELSE 10 END + CASE WHEN d.prosrc LIKE ANY ('{%$function%,%$procedure%}')
        THEN length(d.definition) - 1 - length(rtrim(left(d.definition, -1), 'x')) ELSE 0 END AS tag
    FROM (
        SELECT r.*, l.lanname AS language, r.plain AND r.kind <> 'a' AND l.lanname <> 'c' AS apart,
            CASE WHEN r.kind <> 'a' THEN rtrim(pg_catalog.pg_get_functiondef(r.oid), E'\n')
                ELSE [[aggregate oid=r.oid; schema=r.schema; name=r.name; count=r.pronargs; parallel=r.proparallel]]
            END AS definition
        FROM routines AS r
        JOIN pg_catalog.pg_language AS l ON l.oid = r.prolang
        OFFSET 0
    ) AS d
)

SELECT concat('"routines":[', string_agg(concat('{"schema":', to_json(r.schema::text), ',"name":', to_json(r.name::text),
    CASE r.kind WHEN 'p' THEN ',"kind":"procedure"' WHEN 'a' THEN ',"kind":"aggregate"'
        WHEN 'w' THEN ',"kind":"window function"' END,
    ',"arguments":[' || p.arguments || ']',
    ',"parameters":[' || p.items || ']',
    ',"returns":' || to_json(pg_catalog.pg_get_function_result(r.oid)),
    CASE WHEN r.proretset THEN ',"returns_set":true' END,
    ',"language":', to_json(r.language::text),
    ',"head":', to_json(CASE WHEN r.apart THEN left(r.definition,
        length(r.definition) - 4 - length(r.prosrc) - 2 * r.tag) ELSE r.definition END),
    CASE WHEN r.apart THEN ',"body":' || to_json(r.prosrc) END,
    ',"definition":', to_json(r.definition),
    CASE WHEN r.prosecdef THEN ',"security_definer":true' END,
    ',"access":', [[access owner=r.owner; comment=n.text; acl=r.acl; kind='f']], '}'),
    ',' ORDER BY r.schema, r.name, p.signature COLLATE "C" NULLS FIRST), ']')
FROM texts AS r
LEFT JOIN ([[notes]]) AS n ON n.classid = 'pg_proc'::regclass AND n.objid = r.oid
CROSS JOIN LATERAL (
    SELECT string_agg(to_json(a.type)::text, ',' ORDER BY a.position) FILTER (WHERE a.input) AS arguments,
        string_agg(a.type, ', ' ORDER BY a.position) FILTER (WHERE a.input) AS signature,
        string_agg(concat('{"name":', to_json(a.name), ',"mode":"', CASE a.mode WHEN 'i' THEN 'in' WHEN 'o' THEN 'out'
                WHEN 'b' THEN 'inout' WHEN 'v' THEN 'variadic' ELSE 'table' END,
            '","type":', to_json(a.type),
            CASE WHEN r.pronargdefaults > 0 AND a.input THEN ',"default":' || to_json(
                pg_catalog.pg_get_function_arg_default(r.oid, a.position)) END,
            '}'), ',' ORDER BY a.position) AS items
    FROM (
        SELECT u.position::int AS position, coalesce(u.name, '') AS name, coalesce(u.mode, 'i') AS mode,
            coalesce(u.mode, 'i') IN ('i', 'b', 'v') AS input, pg_catalog.format_type(u.type, NULL) AS type
        FROM ROWS FROM (
            unnest(coalesce(r.proallargtypes, r.proargtypes::oid[])), unnest(r.proargnames), unnest(r.proargmodes)
        ) WITH ORDINALITY AS u (type, name, mode, position)
        WHERE u.type IS NOT NULL
    ) AS a
) AS p
