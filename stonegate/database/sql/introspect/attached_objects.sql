-- What belongs to a table and PostgreSQL prints itself: rules and extended statistics.
SELECT 'pg_rewrite'::regclass::oid AS classid, w.oid AS objid, 'rule' AS kind,
    rtrim(pg_catalog.pg_get_ruledef(w.oid), ';') || CASE w.ev_enabled WHEN 'O' THEN ''
        ELSE '; ALTER TABLE ' || format('%I.%I', r.schema, r.name) || CASE w.ev_enabled WHEN 'D' THEN ' DISABLE'
        WHEN 'R' THEN ' ENABLE REPLICA' ELSE ' ENABLE ALWAYS' END || ' RULE ' || quote_ident(w.rulename)
    END AS definition,
    w.ev_enabled = 'O' AS creatable,
    format('DROP RULE %I ON %I.%I', w.rulename, r.schema, r.name) AS drop
FROM pg_catalog.pg_rewrite AS w
JOIN relations AS r ON r.oid = w.ev_class
WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'pg_statistic_ext'::regclass, s.oid, 'statistics',
    pg_catalog.pg_get_statisticsobjdef(s.oid) || coalesce(format(
        '; ALTER STATISTICS %I.%I SET STATISTICS %s', n.name, s.stxname, nullif(s.stxstattarget, -1)), ''),
    coalesce(s.stxstattarget, -1) = -1,
    format('DROP STATISTICS %I.%I', n.name, s.stxname)
FROM pg_catalog.pg_statistic_ext AS s
JOIN spaces AS n ON n.oid = s.stxnamespace
WHERE s.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_statistic_ext'::regclass)
