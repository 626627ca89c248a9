-- Objects of their own, by catalog, written as the rest of a CREATE statement; `subject` and the identity go before.
SELECT 'pg_collation'::regclass::oid AS classid, c.oid AS objid, 'collation' AS kind, 'COLLATION ' AS subject,
    true AS creatable, ' (' || concat_ws(', ',
        'provider = ' || CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' WHEN 'd' THEN 'default'
            ELSE 'libc' END,
        CASE WHEN NOT c.collisdeterministic THEN 'deterministic = false' END,
        'lc_collate = ' || quote_literal(c.collcollate),
        'lc_ctype = ' || quote_literal(c.collctype),
        'locale = ' || quote_literal(coalesce(j.facts ->> 'colllocale', j.facts ->> 'colliculocale')),
        'rules = ' || quote_literal(j.facts ->> 'collicurules')
    ) || ')' AS detail
FROM pg_catalog.pg_collation AS c
-- Names of these columns changed between versions.
CROSS JOIN LATERAL (SELECT to_jsonb(c) AS facts) AS j
WHERE c.oid >= 16384
UNION ALL
SELECT 'pg_cast'::regclass, c.oid, 'cast', 'CAST ', true,
    CASE c.castmethod WHEN 'f' THEN ' WITH FUNCTION ' || c.castfunc::regprocedure
        WHEN 'i' THEN ' WITH INOUT' ELSE ' WITHOUT FUNCTION' END
    || CASE c.castcontext WHEN 'i' THEN ' AS IMPLICIT' WHEN 'a' THEN ' AS ASSIGNMENT' ELSE '' END
FROM pg_catalog.pg_cast AS c
WHERE c.oid >= 16384
UNION ALL
SELECT 'pg_conversion'::regclass, c.oid, CASE WHEN c.condefault THEN 'default conversion' ELSE 'conversion' END,
    'CONVERSION ', true,
    ' FOR ' || quote_literal(pg_catalog.pg_encoding_to_char(c.conforencoding))
    || ' TO ' || quote_literal(pg_catalog.pg_encoding_to_char(c.contoencoding)) || ' FROM ' || c.conproc::text
FROM pg_catalog.pg_conversion AS c
WHERE c.oid >= 16384
UNION ALL
SELECT 'pg_operator'::regclass, o.oid, 'operator', 'OPERATOR ', true, ' (' || concat_ws(', ',
        'FUNCTION = ' || o.oprcode::text,
        CASE WHEN o.oprleft <> 0 THEN 'LEFTARG = ' || pg_catalog.format_type(o.oprleft, NULL) END,
        CASE WHEN o.oprright <> 0 THEN 'RIGHTARG = ' || pg_catalog.format_type(o.oprright, NULL) END,
        'COMMUTATOR = ' || c.name,
        'NEGATOR = ' || n.name,
        CASE WHEN o.oprrest <> 0 THEN 'RESTRICT = ' || o.oprrest::text END,
        CASE WHEN o.oprjoin <> 0 THEN 'JOIN = ' || o.oprjoin::text END,
        CASE WHEN o.oprcanhash THEN 'HASHES' END,
        CASE WHEN o.oprcanmerge THEN 'MERGES' END
    ) || ')'
FROM pg_catalog.pg_operator AS o
LEFT JOIN operator_names AS c ON c.oid = o.oprcom
LEFT JOIN operator_names AS n ON n.oid = o.oprnegate
WHERE o.oid >= 16384 AND o.oprcode <> 0
UNION ALL
SELECT 'pg_opfamily'::regclass, f.oid, 'operator family', 'OPERATOR FAMILY ', true, ''
FROM pg_catalog.pg_opfamily AS f
WHERE f.oid >= 16384
UNION ALL
SELECT 'pg_opclass'::regclass, c.oid, 'operator class', 'OPERATOR CLASS ', true,
    format('%s FOR TYPE %s USING %I FAMILY %I.%I AS %s', CASE WHEN c.opcdefault THEN ' DEFAULT' END, t.type, h.amname,
        n.nspname, f.opfname, concat_ws(', ', m.members,
            -- PostgreSQL takes the type itself for no STORAGE at all, but a class without any member for a mistake.
            CASE WHEN c.opckeytype <> 0 THEN 'STORAGE ' || pg_catalog.format_type(c.opckeytype, NULL)
                WHEN m.members IS NULL THEN 'STORAGE ' || t.type END))
FROM pg_catalog.pg_opclass AS c
JOIN pg_catalog.pg_opfamily AS f ON f.oid = c.opcfamily
JOIN pg_catalog.pg_namespace AS n ON n.oid = f.opfnamespace
JOIN pg_catalog.pg_am AS h ON h.oid = c.opcmethod
CROSS JOIN LATERAL (SELECT pg_catalog.format_type(c.opcintype, NULL) AS type) AS t
LEFT JOIN LATERAL (
    SELECT string_agg(m.definition, ', ' ORDER BY m.rank, m.number, m.definition COLLATE "C") AS members
    FROM (
        [[class_members]]
    ) AS m
    WHERE m.class = c.oid
) AS m ON true
WHERE c.oid >= 16384
UNION ALL
SELECT 'pg_ts_parser'::regclass, p.oid, 'text search parser', 'TEXT SEARCH PARSER ', true,
    format(' (START = %s, GETTOKEN = %s, END = %s, LEXTYPES = %s%s)', p.prsstart, p.prstoken, p.prsend,
        p.prslextype, CASE WHEN p.prsheadline <> 0 THEN ', HEADLINE = ' || p.prsheadline END)
FROM pg_catalog.pg_ts_parser AS p
WHERE p.oid >= 16384
UNION ALL
SELECT 'pg_ts_template'::regclass, t.oid, 'text search template', 'TEXT SEARCH TEMPLATE ', true,
    format(' (%sLEXIZE = %s)', CASE WHEN t.tmplinit <> 0 THEN 'INIT = ' || t.tmplinit || ', ' END, t.tmpllexize)
FROM pg_catalog.pg_ts_template AS t
WHERE t.oid >= 16384
UNION ALL
SELECT 'pg_ts_dict'::regclass, d.oid, 'text search dictionary', 'TEXT SEARCH DICTIONARY ', true,
    format(' (TEMPLATE = %I.%I%s)', n.nspname, t.tmplname, ', ' || d.dictinitoption)
FROM pg_catalog.pg_ts_dict AS d
JOIN pg_catalog.pg_ts_template AS t ON t.oid = d.dicttemplate
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.tmplnamespace
WHERE d.oid >= 16384
UNION ALL
SELECT 'pg_ts_config'::regclass, c.oid, 'text search configuration', 'TEXT SEARCH CONFIGURATION ', true,
    format(' (PARSER = %I.%I)', n.nspname, p.prsname)
FROM pg_catalog.pg_ts_config AS c
JOIN pg_catalog.pg_ts_parser AS p ON p.oid = c.cfgparser
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.prsnamespace
WHERE c.oid >= 16384
