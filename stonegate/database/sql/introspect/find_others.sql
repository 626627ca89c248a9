-- Is there anything for read_others? Most databases have none of it, and looking takes longer than asking.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_depend
    WHERE objid >= 16384 AND (deptype = 'x' OR classid IN ('pg_statistic_ext'::regclass, 'pg_collation'::regclass,
        'pg_conversion'::regclass, 'pg_operator'::regclass, 'pg_opfamily'::regclass, 'pg_opclass'::regclass,
        'pg_ts_parser'::regclass, 'pg_ts_template'::regclass, 'pg_ts_dict'::regclass, 'pg_ts_config'::regclass,
        'pg_transform'::regclass, 'pg_language'::regclass, 'pg_foreign_server'::regclass,
        'pg_user_mapping'::regclass, 'pg_event_trigger'::regclass))
    GROUP BY classid, objid
    HAVING NOT bool_or(deptype = 'e')
)
-- These may depend on nothing but what PostgreSQL itself brings, which pg_depend does not record.
OR EXISTS (SELECT FROM pg_catalog.pg_cast AS c WHERE c.oid >= 16384 AND c.oid NOT IN (
    SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_cast'::regclass AND deptype IN ('e', 'i')))
OR EXISTS (SELECT FROM pg_catalog.pg_foreign_data_wrapper AS w WHERE w.oid NOT IN (
    SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_foreign_data_wrapper'::regclass AND deptype = 'e'))
OR EXISTS (SELECT FROM pg_catalog.pg_am AS m WHERE m.oid >= 16384 AND m.oid NOT IN (
    SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_am'::regclass AND deptype = 'e'))
OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.oid >= 16384
    AND (t.typtype = 'b' AND t.typcategory <> 'A' OR t.typtype = 'p') AND t.oid NOT IN (
        SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e'))
OR EXISTS (SELECT FROM pg_catalog.pg_publication)
OR EXISTS (SELECT FROM pg_catalog.pg_seclabel)
OR EXISTS (SELECT FROM pg_catalog.pg_description AS n JOIN pg_catalog.pg_constraint AS c ON c.conindid = n.objoid
    WHERE n.objoid >= 16384 AND n.classoid = 'pg_class'::regclass AND c.contype IN ('p', 'u', 'x'))
OR EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE oid >= 16384 AND rulename <> '_RETURN')
OR EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgenabled <> 'O' AND (tgisinternal OR tgparentid <> 0))
OR EXISTS (SELECT FROM pg_catalog.pg_description AS n JOIN pg_catalog.pg_constraint AS c ON c.oid = n.objoid
    WHERE n.objoid >= 16384 AND n.classoid = 'pg_constraint'::regclass AND c.contype = 'n')
OR EXISTS (SELECT FROM pg_catalog.pg_description WHERE objoid >= 16384 AND (
    classoid = 'pg_trigger'::regclass AND objoid IN (SELECT oid FROM pg_catalog.pg_trigger WHERE tgparentid <> 0)
    OR classoid = 'pg_rewrite'::regclass
    OR classoid = 'pg_type'::regclass AND objoid IN (
        SELECT oid FROM pg_catalog.pg_type WHERE oid >= 16384 AND (typtype = 'm' OR typcategory = 'A'))))
OR EXISTS (SELECT FROM pg_catalog.pg_class WHERE relkind = 'm' AND relreplident <> 'd')
OR EXISTS (SELECT FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
    WHERE c.relkind IN ('i', 'I') AND (c.reloptions IS DISTINCT FROM p.reloptions OR c.reltablespace <> p.reltablespace))
OR EXISTS (SELECT FROM pg_catalog.pg_class WHERE relkind IN ('r', 'S') AND relpersistence = 'u') AND EXISTS (
    SELECT FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_class AS s ON s.oid = d.objid
    JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid
    WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i' AND d.refobjsubid > 0
        AND s.relpersistence <> t.relpersistence)
