-- What belongs to a table and PostgreSQL prints itself: rules and extended statistics.
SELECT 'pg_rewrite'::regclass::oid AS classid, w.oid AS objid, 'rule' AS kind,
    rtrim(pg_catalog.pg_get_ruledef(w.oid), ';') AS definition, true AS creatable,
    format('DROP RULE %I ON %s', w.rulename, w.ev_class::regclass) AS drop
FROM pg_catalog.pg_rewrite AS w
JOIN relations AS r ON r.oid = w.ev_class
WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'pg_statistic_ext'::regclass, s.oid, 'statistics',
    pg_catalog.pg_get_statisticsobjdef(s.oid), true,
    format('DROP STATISTICS %I.%I', n.name, s.stxname)
FROM pg_catalog.pg_statistic_ext AS s
JOIN spaces AS n ON n.oid = s.stxnamespace
