SELECT r.rngtypid AS type, r.rngmultitypid AS multirange, pg_catalog.format_type(r.rngsubtype, NULL) AS subtype,
    CASE WHEN NOT o.opcdefault THEN format('%s.%I', o.opcnamespace::regnamespace, o.opcname) END AS operator_class,
    CASE WHEN r.rngcollation <> (SELECT s.typcollation FROM pg_catalog.pg_type AS s WHERE s.oid = r.rngsubtype)
        THEN r.rngcollation END AS collation,
    CASE WHEN r.rngcanonical::oid <> 0 THEN r.rngcanonical::text END AS canonical,
    CASE WHEN r.rngsubdiff::oid <> 0 THEN r.rngsubdiff::text END AS subtype_diff,
    pg_catalog.format_type(r.rngmultitypid, NULL) AS multirange_name
FROM pg_catalog.pg_range AS r
JOIN pg_catalog.pg_opclass AS o ON o.oid = r.rngsubopc
WHERE r.rngtypid >= 16384
