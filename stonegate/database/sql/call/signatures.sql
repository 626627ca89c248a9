-- The functions that /call may mean by a name: those of the search_path, the server's own excepted (manual 53.39); and
-- what ALTER DATABASE and ALTER ROLE have SET, which counts from a session's login on (manual 53.41), what is in force,
-- and whether functions have PREPAREd statements, which stay.
SELECT pg_catalog.json_build_object('is_littered', EXISTS (
    SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql
), 'session', pg_catalog.concat_ws(
    ' ', current_user, pg_catalog.current_setting('search_path'), pg_catalog.current_setting('statement_timeout'),
    pg_catalog.current_setting('TimeZone'), pg_catalog.current_setting('DateStyle'),
    pg_catalog.current_setting('IntervalStyle'), pg_catalog.current_setting('bytea_output'),
    pg_catalog.current_setting('extra_float_digits'), pg_catalog.current_setting('row_security')
), 'settings', (
    SELECT pg_catalog.md5(pg_catalog.string_agg(
        pg_catalog.concat_ws(' ', s.setdatabase, s.setrole, s.setconfig), ' ' ORDER BY s.setdatabase, s.setrole
    ))
    FROM pg_catalog.pg_db_role_setting AS s
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
        AND s.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user))
), 'functions', ARRAY(SELECT pg_catalog.json_build_object(
    'schema', n.nspname,
    'name', p.proname,
    'place', pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname),
    'is_void', p.prorettype = 'pg_catalog.void'::pg_catalog.regtype,
    'defaults', p.pronargdefaults,
    'is_variadic', p.provariadic <> 0,
    'version', pg_catalog.concat_ws(' ', p.oid, p.xmin),
    -- What takes away what the function's own text says that it leaves in the session; a mere mention costs little.
    'after', ARRAY(
        SELECT kind.command
        FROM (
            SELECT pg_catalog.lower(
                CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_catalog.pg_get_functiondef(p.oid) END
            ) AS text
        ) AS source
        CROSS JOIN LATERAL (
            SELECT pg_catalog.strpos(source.text, 'set') > 0 AND (
                -- At the begin of a statement, or of a string that is executed; comments may stand before it.
                source.text ~ '(^|[;''"$]|\m(begin|then|else|loop)\M)(\s|--[^\n]*\n|/\*.*\*/)*set\s+(?!local\M)'
                OR pg_catalog.strpos(pg_catalog.regexp_replace(
                    source.text, 'set_config\s*\(([^();]|\([^();]*\))*,\s*true\s*\)', '', 'g'
                ), 'set_config') > 0
            ) AS is_set
        ) AS settings
        CROSS JOIN LATERAL (VALUES
            (1, settings.is_set AND source.text ~ 'role|authorization', 'RESET SESSION AUTHORIZATION'),
            (2, settings.is_set AND source.text ~ 'role|authorization', 'RESET ROLE'),
            (3, settings.is_set, 'RESET ALL'),
            (4, pg_catalog.strpos(source.text, 'advisory_lock') > 0, 'SELECT pg_catalog.pg_advisory_unlock_all()'),
            (5, pg_catalog.strpos(source.text, 'hold') > 0 AND source.text ~ '\mwith\s+hold\M', 'CLOSE ALL'),
            (6, pg_catalog.strpos(source.text, 'listen') > 0 AND source.text ~ '\mlisten\M', 'UNLISTEN *'),
            (7, pg_catalog.strpos(source.text, 'temp') > 0 AND source.text ~ '\m(pg_)?temp(orary)?\M', 'DISCARD TEMP')
        ) AS kind (number, is_left, command)
        WHERE kind.is_left
        ORDER BY kind.number
    ),
    'parameters', (
        SELECT coalesce(pg_catalog.json_agg(
            pg_catalog.json_build_object(
                'name', coalesce(input.name, ''),
                'oid', t.oid::bigint,
                'type', pg_catalog.format_type(t.oid, NULL),
                'kind', b.typtype::text,
                'category', b.typcategory::text,
                'base', b.typname,
                'element', CASE WHEN b.typcategory = 'A' THEN e.oid::bigint END,
                'element_type', CASE WHEN b.typcategory = 'A' THEN pg_catalog.format_type(e.oid, NULL) END,
                'element_kind', CASE WHEN b.typcategory = 'A' THEN eb.typtype::text END,
                'element_base', CASE WHEN b.typcategory = 'A' THEN eb.typname END,
                'delimiter', e.typdelim::text
            ) ORDER BY input.number
        ), '[]')
        FROM (
            SELECT argument.name, argument.type, pg_catalog.row_number() OVER (ORDER BY argument.number) AS number
            FROM unnest(
                coalesce(p.proallargtypes, p.proargtypes::oid[]),
                coalesce(p.proargnames, '{}'),
                coalesce(p.proargmodes::text[], '{}')
            ) WITH ORDINALITY AS argument (type, name, mode, number)
            WHERE coalesce(argument.mode, 'i') IN ('i', 'b', 'v')
        ) AS input
        JOIN pg_catalog.pg_type AS t ON t.oid = input.type
        -- The type below a domain, through up to three domains of domains.
        LEFT JOIN pg_catalog.pg_type AS d1 ON d1.oid = t.typbasetype
        LEFT JOIN pg_catalog.pg_type AS d2 ON d2.oid = d1.typbasetype
        LEFT JOIN pg_catalog.pg_type AS d3 ON d3.oid = d2.typbasetype
        JOIN pg_catalog.pg_type AS b ON b.oid = coalesce(d3.oid, d2.oid, d1.oid, t.oid)
        LEFT JOIN pg_catalog.pg_type AS e ON e.oid = b.typelem AND b.typelem <> 0
        LEFT JOIN pg_catalog.pg_type AS ed1 ON ed1.oid = e.typbasetype
        LEFT JOIN pg_catalog.pg_type AS eb ON eb.oid = coalesce(ed1.oid, e.oid)
    )
)
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.proname = $1
    AND p.prokind = 'f'
    AND n.nspname = ANY (pg_catalog.current_schemas(false))
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND p.prorettype NOT IN (
        'pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype,
        'pg_catalog.internal'::pg_catalog.regtype
    )
ORDER BY p.oid))::text
