-- What belongs to a table and PostgreSQL prints itself: rules and extended statistics.
SELECT 'pg_rewrite'::regclass::oid AS classid, w.oid AS objid, 'rule' AS kind,
    rtrim(pg_catalog.pg_get_ruledef(w.oid), ';') || CASE w.ev_enabled WHEN 'O' THEN ''
        ELSE '; ALTER TABLE ' || w.ev_class::regclass || CASE w.ev_enabled WHEN 'D' THEN ' DISABLE'
        WHEN 'R' THEN ' ENABLE REPLICA' ELSE ' ENABLE ALWAYS' END || ' RULE ' || quote_ident(w.rulename)
    END AS definition,
    w.ev_enabled = 'O' AS creatable,
    format('DROP RULE %I ON %s', w.rulename, w.ev_class::regclass) AS drop
FROM pg_catalog.pg_rewrite AS w
JOIN relations AS r ON r.oid = w.ev_class
WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'pg_statistic_ext'::regclass, s.oid, 'statistics',
    pg_catalog.pg_get_statisticsobjdef(s.oid) || CASE WHEN s.stxstattarget >= 0
        THEN format('; ALTER STATISTICS %I.%I SET STATISTICS %s', n.name, s.stxname, s.stxstattarget) ELSE '' END,
    coalesce(s.stxstattarget, -1) = -1,
    format('DROP STATISTICS %I.%I', n.name, s.stxname)
FROM pg_catalog.pg_statistic_ext AS s
JOIN spaces AS n ON n.oid = s.stxnamespace
