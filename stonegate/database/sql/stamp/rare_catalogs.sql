-- The change stamp's share of catalogs that rarely hold user rows: a tsvector of one lexeme, or no row if they do not.
SELECT pg_catalog.array_to_tsvector(ARRAY[pg_catalog.md5(rare.text)])
FROM (SELECT pg_catalog.concat_ws(' ',
    'policy ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_policy WHERE oid >= '16384'),
    'default_acl ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_default_acl WHERE oid >= '16384'),
    'publication ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_publication WHERE oid >= '16384'),
    'foreign_data_wrapper ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_foreign_data_wrapper WHERE oid >= '16384'),
    'collation ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_collation WHERE oid >= '16384'),
    'statistic_ext ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_statistic_ext WHERE oid >= '16384'),
    'operator ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_operator WHERE oid >= '16384'),
    'opclass ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_opclass WHERE oid >= '16384'),
    'opfamily ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_opfamily WHERE oid >= '16384'),
    'amop ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_amop WHERE oid >= '16384'),
    'amproc ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_amproc WHERE oid >= '16384'),
    'conversion ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_conversion WHERE oid >= '16384'),
    'ts_config ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_ts_config WHERE oid >= '16384'),
    'ts_dict ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_ts_dict WHERE oid >= '16384'),
    'ts_parser ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_ts_parser WHERE oid >= '16384'),
    'ts_template ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_ts_template WHERE oid >= '16384'),
    'transform ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_transform WHERE oid >= '16384'),
    'language ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_language WHERE oid >= '16384'),
    'foreign_server ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_foreign_server WHERE oid >= '16384'),
    'event_trigger ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_event_trigger WHERE oid >= '16384'),
    'publication_rel ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_publication_rel WHERE oid >= '16384'),
    'publication_namespace ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))::text
        FROM pg_catalog.pg_publication_namespace WHERE oid >= '16384'),
    'ts_config_map ' || (
        SELECT pg_catalog.sum(pg_catalog.hashoidextended(mapcfg, xmin::text::bigint + maptokentype + mapseqno))::text
        FROM pg_catalog.pg_ts_config_map WHERE mapcfg >= '16384'),
    'foreign_table ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(ftrelid, xmin::text::bigint))::text
        FROM pg_catalog.pg_foreign_table),
    'seclabel ' || (SELECT pg_catalog.sum(pg_catalog.hashoidextended(objoid, xmin::text::bigint + objsubid))::text
        FROM pg_catalog.pg_seclabel),
    -- By content: the table of these is for superusers alone.
    'user_mappings ' || (SELECT pg_catalog.string_agg(pg_catalog.md5(umoptions::text), ' ' ORDER BY umid)
        FROM pg_catalog.pg_user_mappings),
    -- By content: this catalog is the cluster's, and a clone gets its settings anew.
    'settings ' || (SELECT setconfig::text FROM pg_catalog.pg_db_role_setting WHERE setrole = '0' AND setdatabase = (
        SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
) AS text) AS rare
WHERE rare.text <> ''
