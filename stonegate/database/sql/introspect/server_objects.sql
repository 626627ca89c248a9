-- Objects that are rather the server's business than a schema's, and base types.
SELECT 'pg_transform'::regclass::oid AS classid, t.oid AS objid, 'transform' AS kind,
    format('CREATE TRANSFORM FOR %s LANGUAGE %I (%s)', pg_catalog.format_type(t.trftype, NULL), l.lanname,
        concat_ws(', ',
            CASE WHEN t.trffromsql <> 0 THEN 'FROM SQL WITH FUNCTION ' || t.trffromsql::regprocedure END,
            CASE WHEN t.trftosql <> 0 THEN 'TO SQL WITH FUNCTION ' || t.trftosql::regprocedure END)) AS definition,
    true AS creatable,
    format('DROP TRANSFORM FOR %s LANGUAGE %I', pg_catalog.format_type(t.trftype, NULL), l.lanname) AS drop
FROM pg_catalog.pg_transform AS t
JOIN pg_catalog.pg_language AS l ON l.oid = t.trflang
WHERE t.oid >= 16384
UNION ALL
SELECT 'pg_language'::regclass, l.oid, 'language',
    format('trusted %s handler %s inline %s validator %s access %s', l.lanpltrusted,
        l.lanplcallfoid::regprocedure, l.laninline::regprocedure, l.lanvalidator::regprocedure, (
            SELECT string_agg(a::text, ',' ORDER BY a::text COLLATE "C")
            FROM unnest(coalesce(l.lanacl, pg_catalog.acldefault('l', l.lanowner))) AS a)),
    false, format('DROP LANGUAGE %I', l.lanname)
FROM pg_catalog.pg_language AS l
WHERE l.oid >= 16384
UNION ALL
SELECT 'pg_am'::regclass, m.oid, 'access method',
    format('CREATE ACCESS METHOD %I TYPE %s HANDLER %s', m.amname,
        CASE m.amtype WHEN 'i' THEN 'INDEX' ELSE 'TABLE' END, m.amhandler),
    true, format('DROP ACCESS METHOD %I', m.amname)
FROM pg_catalog.pg_am AS m
WHERE m.oid >= 16384
UNION ALL
SELECT 'pg_foreign_data_wrapper'::regclass, w.oid, 'foreign data wrapper',
    format('handler %s validator %s options %s access %s', w.fdwhandler::regprocedure,
        w.fdwvalidator::regprocedure, w.fdwoptions, (
            SELECT string_agg(a::text, ',' ORDER BY a::text COLLATE "C")
            FROM unnest(coalesce(w.fdwacl, pg_catalog.acldefault('F', w.fdwowner))) AS a)),
    false, format('DROP FOREIGN DATA WRAPPER %I', w.fdwname)
FROM pg_catalog.pg_foreign_data_wrapper AS w
UNION ALL
SELECT 'pg_foreign_server'::regclass, s.oid, 'foreign server',
    format('wrapper %I type %L version %L options %s access %s', w.fdwname, s.srvtype, s.srvversion,
        s.srvoptions, (
            SELECT string_agg(a::text, ',' ORDER BY a::text COLLATE "C")
            FROM unnest(coalesce(s.srvacl, pg_catalog.acldefault('S', s.srvowner))) AS a)),
    false, format('DROP SERVER %I', s.srvname)
FROM pg_catalog.pg_foreign_server AS s
JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
UNION ALL
SELECT 'pg_user_mapping'::regclass, u.umid, 'user mapping',
    -- Options hold passwords, and are shown to few roles: they may be compared, not kept.
    'options ' || coalesce(pg_catalog.md5(u.umoptions::text), 'none'),
    false, format('DROP USER MAPPING FOR %s SERVER %I',
        CASE u.umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(u.usename) END, u.srvname)
FROM pg_catalog.pg_user_mappings AS u
UNION ALL
SELECT 'pg_event_trigger'::regclass, e.oid, 'event trigger',
    format('CREATE EVENT TRIGGER %I ON %s%s EXECUTE FUNCTION %s()', e.evtname, e.evtevent,
        ' WHEN TAG IN (' || (
            SELECT string_agg(quote_literal(t), ', ' ORDER BY t COLLATE "C") FROM unnest(e.evttags) AS t) || ')',
        e.evtfoid::regproc),
    true, format('DROP EVENT TRIGGER %I', e.evtname)
FROM pg_catalog.pg_event_trigger AS e
UNION ALL
SELECT 'pg_publication'::regclass, p.oid, 'publication',
    format('all tables %s, properties %s, schemas %s, tables %s', p.puballtables,
        to_jsonb(p) - ARRAY['oid', 'pubname', 'pubowner', 'puballtables'], (
            SELECT string_agg(s.pnnspid::regnamespace::text, ', ' ORDER BY s.pnnspid::regnamespace::text COLLATE "C")
            FROM pg_catalog.pg_publication_namespace AS s WHERE s.pnpubid = p.oid), (
            SELECT string_agg(format('%s (%s) where %s', r.prrelid::regclass, (
                    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                    FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[])
                ), pg_catalog.pg_get_expr(r.prqual, r.prrelid)), ', ' ORDER BY r.prrelid::regclass::text COLLATE "C")
            FROM pg_catalog.pg_publication_rel AS r WHERE r.prpubid = p.oid)),
    false, format('DROP PUBLICATION %I', p.pubname)
FROM pg_catalog.pg_publication AS p
UNION ALL
SELECT 'pg_type'::regclass, t.oid, CASE t.typtype WHEN 'b' THEN 'base type' ELSE 'shell type' END,
    (to_jsonb(t) - ARRAY['oid', 'typnamespace', 'typowner', 'typacl', 'typarray', 'typelem', 'typrelid',
        'typbasetype', 'typcollation', 'typname'])::text
    || ' element ' || pg_catalog.format_type(t.typelem, NULL),
    false, 'DROP TYPE ' || pg_catalog.format_type(t.oid, NULL)
FROM pg_catalog.pg_type AS t
JOIN spaces AS n ON n.oid = t.typnamespace
WHERE t.oid >= 16384 AND (t.typtype = 'b' AND t.typcategory <> 'A' OR t.typtype = 'p')
