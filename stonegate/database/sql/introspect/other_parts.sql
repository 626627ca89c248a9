-- What completes a CREATE statement and can be given and taken back by itself: `sql` and `undo`, by (classid, objid).
SELECT 'pg_ts_config'::regclass::oid AS cls, m.objid AS object,
    format('ALTER TEXT SEARCH CONFIGURATION %s ADD MAPPING FOR %I WITH %s', i.identity, m.token, m.dictionaries) AS sql,
    format('ALTER TEXT SEARCH CONFIGURATION %s DROP MAPPING FOR %I', i.identity, m.token) AS undo
FROM (
    SELECT c.oid AS objid, t.alias AS token,
        string_agg(e.mapdict::regdictionary::text, ', ' ORDER BY e.mapseqno) AS dictionaries
    FROM pg_catalog.pg_ts_config AS c
    JOIN pg_catalog.pg_ts_config_map AS e ON e.mapcfg = c.oid
    JOIN LATERAL pg_catalog.ts_token_type(c.cfgparser) AS t ON t.tokid = e.maptokentype
    WHERE c.oid >= 16384
    GROUP BY c.oid, t.alias
) AS m
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_ts_config'::regclass, m.objid, 0) AS i
UNION ALL
-- Members of an operator family that come with no operator class.
SELECT 'pg_opfamily'::regclass, m.family,
    format('ALTER OPERATOR FAMILY %s ADD %s', i.identity, m.definition),
    format('ALTER OPERATOR FAMILY %s DROP %s', i.identity, m.place)
FROM (
    [[class_members]]
) AS m
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_opfamily'::regclass, m.family, 0) AS i
WHERE m.class IS NULL
UNION ALL
SELECT 'pg_rewrite'::regclass, w.oid, format('ALTER TABLE %s %s RULE %I', w.ev_class::regclass,
        CASE w.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, w.rulename),
    format('ALTER TABLE %s ENABLE RULE %I', w.ev_class::regclass, w.rulename)
FROM pg_catalog.pg_rewrite AS w
WHERE w.ev_enabled <> 'O' AND w.rulename <> '_RETURN'
UNION ALL
SELECT 'pg_statistic_ext'::regclass, s.oid, format('ALTER STATISTICS %s SET STATISTICS %s', i.identity, s.stxstattarget),
    format('ALTER STATISTICS %s SET STATISTICS -1', i.identity)
FROM pg_catalog.pg_statistic_ext AS s
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_statistic_ext'::regclass, s.oid, 0) AS i
WHERE s.stxstattarget >= 0
UNION ALL
SELECT 'pg_event_trigger'::regclass, e.oid, format('ALTER EVENT TRIGGER %I %s', e.evtname,
        CASE e.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END),
    format('ALTER EVENT TRIGGER %I ENABLE', e.evtname)
FROM pg_catalog.pg_event_trigger AS e
WHERE e.evtenabled <> 'O'
