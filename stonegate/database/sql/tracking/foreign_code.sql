-- What in or around the tracking tables would run code of somebody else in a session that reads them or, if [[writes]],
-- writes to them; how to be rid of it, where that runs nothing. Everything of PostgreSQL's own is pinned, and pg_depend
-- does not mention it (manual 52.18): what it mentions somebody has made.
WITH tracking AS (
    SELECT c.oid, c.oid::regclass AS name, c.relkind, c.relowner
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = pg_catalog.to_regnamespace('public')::oid AND c.relname IN ([[names]])
),
-- Of the tables of roles that may do less than the session.
foreign_table AS (
    SELECT t.* FROM tracking AS t WHERE NOT ([[trusts role=t.relowner]])
),
expression AS (
    SELECT 'pg_catalog.pg_attrdef'::regclass::oid AS classid, d.oid AS objid, t.oid AS relation, d.adbin::text AS tree,
        pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', t.name, a.attname) AS remedy,
        a.attgenerated <> '' AS reads
    FROM foreign_table AS t
    JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = t.oid
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.adnum
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass::oid, k.oid, t.oid, k.conbin::text,
        pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', t.name, k.conname), true
    FROM foreign_table AS t
    JOIN pg_catalog.pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'c'
),
-- What the planner looks at, even for a query that only reads: it computes what is constant in predicates of indexes, in
-- expressions of statistics and in checks.
part AS (
    SELECT e.classid, e.objid, e.relation, e.remedy FROM expression AS e WHERE e.reads OR [[writes]]
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass::oid, i.indexrelid, t.oid,
        pg_catalog.format('DROP INDEX %s', i.indexrelid::regclass)
    FROM foreign_table AS t
    JOIN pg_catalog.pg_index AS i ON i.indrelid = t.oid
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass::oid, k.oid, t.oid,
        pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', t.name, k.conname)
    FROM foreign_table AS t
    JOIN pg_catalog.pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'x'
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass::oid, s.oid, t.oid,
        pg_catalog.format('DROP STATISTICS %I.%I', s.stxnamespace::regnamespace::text, s.stxname)
    FROM foreign_table AS t
    JOIN pg_catalog.pg_statistic_ext AS s ON s.stxrelid = t.oid
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass::oid, t.oid, t.oid, NULL FROM foreign_table AS t
),
columns (names, types) AS (VALUES
    ('{id,checksum_version}'::text[], '{integer,bigint}'::text[]),
    ('{applied_at,deployed_at,executed_at}', '{timestamp with time zone,timestamp without time zone}'),
    ('{baselined,forced}', '{boolean}'),
    ('{duration_ms}', '{double precision}'),
    ('{param_types,missing_seeds,excepted,outside}', '{text[],character varying[]}'),
    ('{change_detail}', '{jsonb,json}'),
    ('{counts,post_commit}', '{jsonb}'),
    ('{catalog}', '{bytea}'),
    ('{migration_file,checksum,type_name,type_kind,table_name,function_name,signature,return_type,body_checksum,'
        'source_file,change_type,object_name,stonegate_checksum,identity,plan_checksum,executed_by,digest,fingerprint,'
        'stamp,mode,tool_version,catalog_checksum,live_checksum,introspection}', '{text,character varying}')
)
SELECT pg_catalog.format('%s is not a plain table', t.name) AS found, NULL AS remedy
FROM foreign_table AS t WHERE t.relkind <> 'r'
UNION ALL
SELECT pg_catalog.format('%s inherits from %s', h.inhrelid::regclass, h.inhparent::regclass),
    pg_catalog.format('ALTER TABLE %s NO INHERIT %s', h.inhrelid::regclass, h.inhparent::regclass)
FROM pg_catalog.pg_inherits AS h
WHERE EXISTS (SELECT FROM foreign_table AS t WHERE t.relkind = 'r' AND t.oid IN (h.inhrelid, h.inhparent))
UNION ALL
SELECT pg_catalog.format('column %I of %s is of type %s', a.attname, t.name, a.atttypid::regtype), NULL
FROM foreign_table AS t
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN columns AS c ON a.attname::text = ANY (c.names)
WHERE a.atttypid::regtype::text <> ALL (c.types)
UNION ALL
SELECT pg_catalog.format('%s: %s depends on %s', p.relation::regclass,
        pg_catalog.pg_describe_object(p.classid, p.objid, 0), pg_catalog.pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)), p.remedy
FROM part AS p
JOIN pg_catalog.pg_depend AS d ON d.classid = p.classid AND d.objid = p.objid
WHERE d.refclassid IN (
    'pg_catalog.pg_proc'::regclass::oid, 'pg_catalog.pg_type'::regclass::oid, 'pg_catalog.pg_operator'::regclass::oid,
    'pg_catalog.pg_opclass'::regclass::oid, 'pg_catalog.pg_opfamily'::regclass::oid, 'pg_catalog.pg_am'::regclass::oid
)
UNION ALL
-- Functions of the server's own that read files or run a query given as text are as good as somebody else's.
SELECT pg_catalog.format('%s calls %s', pg_catalog.pg_describe_object(e.classid, e.objid, 0), f.oid::regprocedure),
    e.remedy
FROM expression AS e
CROSS JOIN LATERAL pg_catalog.regexp_matches(e.tree, ':funcid (\d+)', 'g') AS call (parts)
JOIN pg_catalog.pg_proc AS f ON f.oid = call.parts[1]::oid AND f.pronamespace = 'pg_catalog'::regnamespace::oid
WHERE (e.reads OR [[writes]]) AND f.provolatile <> 'i' AND f.proname NOT IN (
    'now', 'nextval', 'timezone', 'statement_timestamp', 'transaction_timestamp', 'clock_timestamp', 'gen_random_uuid',
    'timestamp', 'timestamptz', 'date', 'date_trunc', 'to_char'
)
UNION ALL
SELECT pg_catalog.pg_describe_object(p.tableoid, p.oid, 0), pg_catalog.format('DROP POLICY %I ON %s', p.polname, t.name)
FROM foreign_table AS t
JOIN pg_catalog.pg_policy AS p ON p.polrelid = t.oid
WHERE pg_catalog.row_security_active(t.oid)
UNION ALL
SELECT pg_catalog.pg_describe_object(r.tableoid, r.oid, 0), pg_catalog.format('DROP RULE %I ON %s', r.rulename, t.name)
FROM foreign_table AS t
JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = t.oid
WHERE t.relkind = 'r' AND [[writes]]
UNION ALL
-- What a deletion cascades to has triggers, too.
SELECT pg_catalog.format('%s: %s', t.name, pg_catalog.pg_describe_object(k.tableoid, k.oid, 0)),
    pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname)
FROM foreign_table AS t
JOIN pg_catalog.pg_constraint AS k ON k.contype = 'f' AND t.oid IN (k.conrelid, k.confrelid)
WHERE [[writes]]
UNION ALL
SELECT pg_catalog.format('%s calls %s of role %s', pg_catalog.pg_describe_object(g.tableoid, g.oid, 0),
        f.oid::regprocedure, pg_catalog.pg_get_userbyid(f.proowner)),
    pg_catalog.format('DROP TRIGGER %I ON %s', g.tgname, t.name)
FROM tracking AS t
JOIN pg_catalog.pg_trigger AS g ON g.tgrelid = t.oid AND NOT g.tgisinternal
JOIN pg_catalog.pg_proc AS f ON f.oid = g.tgfoid
WHERE [[writes]] AND NOT (([[trusts role=t.relowner]]) AND ([[trusts role=f.proowner]]))
