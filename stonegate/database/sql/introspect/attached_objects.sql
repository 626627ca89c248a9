-- What belongs to a table and PostgreSQL prints itself: rules and extended statistics.
SELECT 'pg_rewrite'::regclass::oid AS classid, w.oid AS objid, 'rule' AS kind,
    rtrim(pg_catalog.pg_get_ruledef(w.oid), ';') AS definition, true AS creatable,
    format('DROP RULE %I ON %s', w.rulename, w.ev_class::regclass) AS drop
FROM pg_catalog.pg_rewrite AS w
JOIN relations AS r ON r.oid = w.ev_class
WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'pg_statistic_ext'::regclass, s.oid, 'statistics',
    -- Columns are printed by number, which differs between a column added late and one of a new table: by name instead.
    replace(pg_catalog.pg_get_statisticsobjdef(s.oid), ' ON ' || c.printed || ' FROM ',
        ' ON ' || c.sorted || substr(c.printed, length(c.numbered) + 1) || ' FROM '), true,
    format('DROP STATISTICS %I.%I', n.name, s.stxname)
FROM pg_catalog.pg_statistic_ext AS s
JOIN spaces AS n ON n.oid = s.stxnamespace
CROSS JOIN LATERAL (
    SELECT pg_catalog.pg_get_statisticsobjdef_columns(s.oid) AS printed,
        coalesce(string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), '') AS numbered,
        coalesce(string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname), '') AS sorted
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys::smallint[])
) AS c
