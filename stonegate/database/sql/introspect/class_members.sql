-- Operators and functions of operator families; `class` is the operator class that brings them, NULL if none does.
SELECT a.amopfamily AS family, c.refobjid AS class, p.place, 0 AS rank, a.amopstrategy AS number,
    format('OPERATOR %s %s%s', a.amopstrategy, a.amopopr::regoperator, ' FOR ORDER BY ' || f.name) AS definition
FROM pg_catalog.pg_amop AS a
LEFT JOIN pg_catalog.pg_depend AS c
    ON c.classid = 'pg_amop'::regclass AND c.objid = a.oid AND c.refclassid = 'pg_opclass'::regclass
LEFT JOIN LATERAL (
    SELECT format('%I.%I', n.nspname, s.opfname) AS name
    FROM pg_catalog.pg_opfamily AS s
    JOIN pg_catalog.pg_namespace AS n ON n.oid = s.opfnamespace
    WHERE s.oid = a.amopsortfamily
) AS f ON true
CROSS JOIN LATERAL (
    SELECT format('OPERATOR %s (%s, %s)', a.amopstrategy, pg_catalog.format_type(a.amoplefttype, NULL),
        pg_catalog.format_type(a.amoprighttype, NULL)) AS place
) AS p
WHERE a.oid >= 16384
UNION ALL
SELECT a.amprocfamily, c.refobjid, p.place, 1, a.amprocnum,
    p.place || ' ' || a.amproc::oid::regprocedure
FROM pg_catalog.pg_amproc AS a
LEFT JOIN pg_catalog.pg_depend AS c
    ON c.classid = 'pg_amproc'::regclass AND c.objid = a.oid AND c.refclassid = 'pg_opclass'::regclass
CROSS JOIN LATERAL (
    SELECT format('FUNCTION %s (%s, %s)', a.amprocnum, pg_catalog.format_type(a.amproclefttype, NULL),
        pg_catalog.format_type(a.amprocrighttype, NULL)) AS place
) AS p
WHERE a.oid >= 16384
