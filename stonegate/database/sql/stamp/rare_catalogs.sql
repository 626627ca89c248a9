-- The change stamp's share of catalogs that nearly always lack user rows, as a tsvector of one lexeme.
SELECT pg_catalog.array_to_tsvector(ARRAY[pg_catalog.md5(pg_catalog.concat_ws(' ',
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_collation WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_statistic_ext WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_operator WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_opclass WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_opfamily WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_amop WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_amproc WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_conversion WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_ts_config WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_ts_dict WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_ts_parser WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_ts_template WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_transform WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_language WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_foreign_server WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_event_trigger WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_publication_rel WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, xmin::text::bigint))
        FROM pg_catalog.pg_publication_namespace WHERE oid >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(mapcfg, xmin::text::bigint + maptokentype + mapseqno))
        FROM pg_catalog.pg_ts_config_map WHERE mapcfg >= 16384),
    (SELECT pg_catalog.sum(pg_catalog.hashoidextended(ftrelid, xmin::text::bigint)) FROM pg_catalog.pg_foreign_table),
    -- Its table is for superusers alone.
    (SELECT pg_catalog.string_agg(pg_catalog.md5(umoptions::text), ' ' ORDER BY umid)
        FROM pg_catalog.pg_user_mappings)
))])
