-- Who owns an object that the model holds as text; rules, casts and some others have no owner.
SELECT 'pg_collation'::regclass::oid AS classid, oid AS objid, collowner AS owner FROM pg_catalog.pg_collation
UNION ALL
SELECT 'pg_conversion'::regclass, oid, conowner FROM pg_catalog.pg_conversion
UNION ALL
SELECT 'pg_operator'::regclass, oid, oprowner FROM pg_catalog.pg_operator
UNION ALL
SELECT 'pg_opfamily'::regclass, oid, opfowner FROM pg_catalog.pg_opfamily
UNION ALL
SELECT 'pg_opclass'::regclass, oid, opcowner FROM pg_catalog.pg_opclass
UNION ALL
SELECT 'pg_ts_dict'::regclass, oid, dictowner FROM pg_catalog.pg_ts_dict
UNION ALL
SELECT 'pg_ts_config'::regclass, oid, cfgowner FROM pg_catalog.pg_ts_config
UNION ALL
SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM pg_catalog.pg_statistic_ext
