-- A hash over (oid, xmin) of the catalogs' user rows, in two words: all but the routines, and the routines. A row keeps
-- its xmin through VACUUM FREEZE, in a TEMPLATE clone and after the commit of the transaction that wrote it; every DDL
-- writes rows, DML none. Left out are catalogs whose rows never change alone (pg_attrdef: pg_attribute.atthasdef goes
-- with it; pg_range, pg_aggregate, pg_partitioned_table, pg_foreign_table), temporary tables of whichever session, and
-- statistics. Each catalog costs a fresh session about 0.1 ms to open.
WITH passing AS MATERIALIZED (
    SELECT ARRAY(SELECT oid FROM pg_catalog.pg_class WHERE relpersistence = 't') AS oids
), notes AS MATERIALIZED (
    SELECT pg_catalog.sum(note.hash) FILTER (WHERE note.classoid <> 'pg_catalog.pg_proc'::regclass) AS others,
        pg_catalog.sum(note.hash) FILTER (WHERE note.classoid = 'pg_catalog.pg_proc'::regclass) AS routines
    FROM (
        SELECT classoid, pg_catalog.hashoidextended(objoid, xmin::text::bigint + objsubid) AS hash
        FROM pg_catalog.pg_description
        -- 2200 is the schema public.
        WHERE objoid >= 16384 OR objoid = 2200
    ) AS note
)
SELECT pg_catalog.concat(pg_catalog.md5(pg_catalog.concat_ws(' ',
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_class WHERE oid >= 16384 AND relpersistence <> 't'),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(attrelid, xmin::text::bigint + attnum))
        FROM pg_catalog.pg_attribute
        WHERE attrelid >= 16384 AND attnum > 0 AND attrelid <> ALL (passing.oids)),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_type WHERE oid >= 16384 AND typrelid <> ALL (passing.oids)
            -- Array types come and go with their elements.
            AND typcategory <> 'A'),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_constraint WHERE oid >= 16384 AND conrelid <> ALL (passing.oids)),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(indexrelid, xmin::text::bigint))
        FROM pg_catalog.pg_index WHERE indexrelid >= 16384 AND indexrelid <> ALL (passing.oids)),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(seqrelid, xmin::text::bigint))
        FROM pg_catalog.pg_sequence WHERE seqrelid <> ALL (passing.oids)),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_trigger WHERE tgrelid <> ALL (passing.oids)),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_rewrite WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint)) FROM pg_catalog.pg_enum),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_'),
    notes.others,
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint)) FROM pg_catalog.pg_extension),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_cast WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_am WHERE oid >= 16384),
    rare.made,
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
)), ' ', pg_catalog.md5(pg_catalog.concat_ws(' ',
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_proc WHERE oid >= 16384),
    notes.routines
)))
-- What is made in the rarer catalogs leaves rows in pg_depend, and so do members and dependents of extensions, and
-- inheritance from a table without columns.
FROM passing, notes, (
    SELECT pg_catalog.sum(object.hash) AS made, pg_catalog.bool_or(
            -- Members of an operator family are no members of its extension, though it is.
            object.rare AND NOT object.member AND object.classid NOT IN (
                'pg_catalog.pg_amop'::regclass, 'pg_catalog.pg_amproc'::regclass)
        ) AS found
    FROM (
        SELECT link.classid, link.rare, pg_catalog.bool_or(link.deptype = 'e') AS member,
            pg_catalog.sum(pg_catalog.hashoidextended(link.objid, link.written + link.refobjid::bigint)) AS hash
        FROM (
            SELECT *, xmin::text::bigint AS written, classid NOT IN (
                'pg_catalog.pg_class'::regclass, 'pg_catalog.pg_type'::regclass, 'pg_catalog.pg_proc'::regclass,
                'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_attrdef'::regclass,
                'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_rewrite'::regclass,
                'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_namespace'::regclass,
                'pg_catalog.pg_extension'::regclass, 'pg_catalog.pg_cast'::regclass) AS rare
            FROM pg_catalog.pg_depend
            WHERE objid >= 16384
        ) AS link
        WHERE link.rare OR link.deptype IN ('e', 'x')
            OR link.deptype = 'n' AND link.objsubid = 0 AND link.refobjsubid = 0
                AND link.classid = 'pg_catalog.pg_class'::regclass AND link.refclassid = link.classid
        GROUP BY link.classid, link.objid, link.rare
    ) AS object
) AS rare
