-- The functions and procedures that a name, with or without a schema, may mean (manual 53.39 pg_proc). Without one, those
-- of the first schema of the search_path that has any.
WITH named AS (
    SELECT parts[cardinality(parts)] AS name, CASE WHEN cardinality(parts) > 1 THEN parts[1] END AS schema
    FROM (SELECT pg_catalog.parse_ident(%(name)s)) AS parsed (parts)
),
found AS (
    SELECT p.*, n.nspname, pg_catalog.array_position(pg_catalog.current_schemas(true), n.nspname) AS place
    FROM named
    JOIN pg_catalog.pg_proc AS p ON p.proname = named.name AND p.prokind IN ('f', 'p')
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE CASE WHEN named.schema IS NULL
        THEN n.nspname = ANY (pg_catalog.current_schemas(true)) ELSE n.nspname = named.schema END
)
SELECT f.nspname AS schema, f.proname AS name, f.prokind::text AS kind,
    ARRAY(
        SELECT pg_catalog.format_type(type, NULL)
        FROM unnest(f.proargtypes::oid[]) WITH ORDINALITY AS t (type, number)
        ORDER BY number
    ) AS types,
    ARRAY(
        SELECT coalesce(argument.name, '')
        FROM unnest(
            coalesce(f.proargnames, pg_catalog.array_fill(''::text, ARRAY[f.pronargs::integer])),
            coalesce(f.proargmodes::text[], pg_catalog.array_fill('i'::text, ARRAY[f.pronargs::integer]))
        ) WITH ORDINALITY AS argument (name, mode, number)
        WHERE argument.mode IN ('i', 'b', 'v')
        ORDER BY argument.number
    ) AS names,
    ARRAY(
        SELECT argument.name
        FROM unnest(f.proargnames, f.proargmodes::text[]) WITH ORDINALITY AS argument (name, mode, number)
        WHERE f.prokind = 'p' AND argument.mode = 'o'
        ORDER BY argument.number
    ) AS outs,
    f.pronargdefaults AS defaults,
    CASE WHEN f.provariadic <> 0 THEN pg_catalog.format_type(f.provariadic, NULL) END AS variadic,
    f.prorettype = 'void'::regtype AS is_void
FROM found AS f
WHERE f.place IS NOT DISTINCT FROM (SELECT min(place) FROM found)
ORDER BY types
