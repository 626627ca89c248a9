-- A hash over (oid, xmin) of the catalogs' user rows, in two words: all but the routines, and the routines. A row keeps
-- its xmin through VACUUM FREEZE, in a TEMPLATE clone and after the commit of the transaction that wrote it; every DDL
-- writes rows, DML none. Left out are catalogs whose rows never change alone (pg_attrdef: pg_attribute.atthasdef goes
-- with it; pg_range, pg_aggregate, pg_partitioned_table, pg_foreign_table), temporary tables of whichever session, and
-- statistics. What it costs is a fresh session's first look at each catalog and at each name: hence one sum over all of
-- them, and catalogs by their numbers, which every PostgreSQL has in common.
SELECT pg_catalog.concat(pg_catalog.md5(pg_catalog.concat_ws(' ', written.others, rare.made,
    -- ts_stat is the one function of every build that runs a query given as text: the catalogs in it are only opened where
    -- they hold something.
    CASE WHEN rare.found
        -- Catalogs that are empty files in a new database, and whose rows need not show in pg_depend.
        OR pg_catalog.pg_relation_size('pg_catalog.pg_policy') > 0
        OR pg_catalog.pg_relation_size('pg_catalog.pg_default_acl') > 0
        OR pg_catalog.pg_relation_size('pg_catalog.pg_db_role_setting') > 0
        OR pg_catalog.pg_relation_size('pg_catalog.pg_publication') > 0
        OR pg_catalog.pg_relation_size('pg_catalog.pg_foreign_data_wrapper') > 0
        OR pg_catalog.pg_relation_size('pg_catalog.pg_seclabel') > 0
    THEN (
        SELECT pg_catalog.string_agg(word, '') FROM pg_catalog.ts_stat($rare$[[rare_catalogs]]$rare$)
    ) END
)), ' ', pg_catalog.md5(written.routines::text))
FROM (
    SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, version::text::bigint + part)) FILTER (WHERE NOT routine)
            AS others,
        pg_catalog.sum(pg_catalog.hashoidextended(oid, version::text::bigint + part)) FILTER (WHERE routine)
            AS routines
    FROM (
        SELECT false, oid, 0, xmin, 0::oid FROM pg_catalog.pg_class WHERE oid >= '16384' AND relpersistence <> 't'
        UNION ALL
        SELECT false, attrelid, attnum, xmin, attrelid FROM pg_catalog.pg_attribute
        WHERE attrelid >= '16384' AND attnum > 0
        UNION ALL
        -- Array types come and go with their elements.
        SELECT false, oid, 0, xmin, typrelid FROM pg_catalog.pg_type WHERE oid >= '16384' AND typcategory <> 'A'
        UNION ALL
        SELECT false, oid, 0, xmin, conrelid FROM pg_catalog.pg_constraint WHERE oid >= '16384'
        UNION ALL
        SELECT false, indexrelid, 0, xmin, indrelid FROM pg_catalog.pg_index WHERE indexrelid >= '16384'
        UNION ALL
        SELECT false, seqrelid, 0, xmin, seqrelid FROM pg_catalog.pg_sequence
        UNION ALL
        SELECT false, oid, 0, xmin, tgrelid FROM pg_catalog.pg_trigger
        UNION ALL
        SELECT false, oid, 0, xmin, ev_class FROM pg_catalog.pg_rewrite WHERE oid >= '16384'
        UNION ALL
        SELECT false, oid, 0, xmin, 0 FROM pg_catalog.pg_enum
        UNION ALL
        SELECT false, oid, 0, xmin, 0 FROM pg_catalog.pg_namespace WHERE pg_catalog.left(nspname::text, 3) <> 'pg_'
        UNION ALL
        SELECT false, oid, 0, xmin, 0 FROM pg_catalog.pg_extension
        UNION ALL
        SELECT false, oid, 0, xmin, 0 FROM pg_catalog.pg_cast WHERE oid >= '16384'
        UNION ALL
        SELECT false, oid, 0, xmin, 0 FROM pg_catalog.pg_am WHERE oid >= '16384'
        UNION ALL
        SELECT true, oid, 0, xmin, 0 FROM pg_catalog.pg_proc WHERE oid >= '16384'
        UNION ALL
        -- 1255 is pg_proc, 2200 the schema public; plpgsql is an extension that every database has from the start.
        SELECT classoid = '1255', objoid, objsubid, xmin, 0 FROM pg_catalog.pg_description
        WHERE objoid >= '16384' OR objoid = '2200' OR objoid = ANY (ARRAY(SELECT oid FROM pg_catalog.pg_extension))
    ) AS row (routine, oid, part, version, relation)
    WHERE relation <> ALL (ARRAY(SELECT oid FROM pg_catalog.pg_class WHERE oid >= '16384' AND relpersistence = 't'))
) AS written, (
    -- What is made in the rarer catalogs leaves rows in pg_depend, and so do members and dependents of extensions, and
    -- inheritance from a table without columns. An extension alone opens no rare catalog: each of its members has one row
    -- that says so, but for members of an operator family (pg_amop, pg_amproc), though that is one itself.
    SELECT pg_catalog.sum(pg_catalog.hashoidextended(objid, version::text::bigint + refobjid::bigint)) AS made,
        pg_catalog.count(DISTINCT pg_catalog.hashoidextended(objid, classid::bigint)) FILTER (
            WHERE rare AND classid NOT IN ('2602', '2603')
        ) <> pg_catalog.count(*) FILTER (WHERE rare AND deptype = 'e') AS found
    FROM (
        -- pg_class, pg_type, pg_proc, pg_constraint, pg_attrdef, pg_trigger, pg_rewrite, pg_policy, pg_namespace,
        -- pg_extension and pg_cast.
        SELECT classid, objid, refobjid, deptype, xmin AS version,
            classid NOT IN (
                '1259', '1247', '1255', '2606', '2604', '2620', '2618', '3256', '2615', '3079', '2605'
            ) AS rare,
            classid = '1259' AND refclassid = classid AND deptype = 'n' AND objsubid = 0 AND refobjsubid = 0 AS heir
        FROM pg_catalog.pg_depend
        WHERE objid >= '16384'
    ) AS link
    WHERE rare OR heir OR deptype IN ('e', 'x')
) AS rare
