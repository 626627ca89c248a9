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
SELECT 'pg_opfamily'::regclass, f.oid, 'operator family', 'OPERATOR FAMILY ', false, concat_ws(', ', '',
    (SELECT string_agg(format('OPERATOR %s %s%s', a.amopstrategy, a.amopopr::regoperator,
            coalesce(' FOR ORDER BY ' || s.opfname, '')), ', ' ORDER BY a.amopstrategy, a.amopopr::regoperator::text)
        FROM pg_catalog.pg_amop AS a
        LEFT JOIN pg_catalog.pg_opfamily AS s ON s.oid = a.amopsortfamily
        WHERE a.amopfamily = f.oid),
    (SELECT string_agg(format('FUNCTION %s (%s, %s) %s', p.amprocnum, pg_catalog.format_type(p.amproclefttype, NULL),
            pg_catalog.format_type(p.amprocrighttype, NULL), p.amproc::oid::regprocedure), ', '
            ORDER BY p.amprocnum, p.amproc::oid::regprocedure::text)
        FROM pg_catalog.pg_amproc AS p WHERE p.amprocfamily = f.oid))
FROM pg_catalog.pg_opfamily AS f
WHERE f.oid >= 16384
UNION ALL
SELECT 'pg_opclass'::regclass, c.oid, 'operator class', 'OPERATOR CLASS ', false,
    format('%s FOR TYPE %s FAMILY %I.%I', CASE WHEN c.opcdefault THEN ' DEFAULT' END,
        pg_catalog.format_type(c.opcintype, NULL), n.nspname, f.opfname)
    || CASE WHEN c.opckeytype <> 0 THEN ' STORAGE ' || pg_catalog.format_type(c.opckeytype, NULL) ELSE '' END
FROM pg_catalog.pg_opclass AS c
JOIN pg_catalog.pg_opfamily AS f ON f.oid = c.opcfamily
JOIN pg_catalog.pg_namespace AS n ON n.oid = f.opfnamespace
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
SELECT 'pg_ts_config'::regclass, c.oid, 'text search configuration', 'TEXT SEARCH CONFIGURATION ', false,
    format(' (PARSER = %I.%I)%s', n.nspname, p.prsname, '; ' || (
        SELECT string_agg(format('MAPPING FOR %s WITH %s', m.token, m.dictionaries), ', ' ORDER BY m.token)
        FROM (
            SELECT t.alias COLLATE "C" AS token,
                string_agg(e.mapdict::regdictionary::text, ', ' ORDER BY e.mapseqno) AS dictionaries
            FROM pg_catalog.pg_ts_config_map AS e
            JOIN LATERAL pg_catalog.ts_token_type(c.cfgparser) AS t ON t.tokid = e.maptokentype
            WHERE e.mapcfg = c.oid
            GROUP BY t.alias
        ) AS m))
FROM pg_catalog.pg_ts_config AS c
JOIN pg_catalog.pg_ts_parser AS p ON p.oid = c.cfgparser
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.prsnamespace
WHERE c.oid >= 16384
