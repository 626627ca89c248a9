-- Tables, views and materialised views, with the parts gathered before.

parents AS MATERIALIZED (
    SELECT i.inhrelid AS oid, bool_or(k.relispartition) AS partition,
        json_agg(json_build_object('schema', n.nspname, 'name', c.relname) ORDER BY i.inhseqno) AS items
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS k ON k.oid = i.inhrelid
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhparent
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    GROUP BY i.inhrelid
),

relation_options AS MATERIALIZED (
    SELECT o.oid, json_agg(o.text ORDER BY o.text COLLATE "C") AS items
    FROM (
        SELECT c.oid, unnest(c.reloptions) AS text
        FROM relations AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.oid
        UNION ALL
        SELECT c.oid, 'toast.' || unnest(t.reloptions)
        FROM relations AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.oid
        JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid
        UNION ALL
        SELECT f.ftrelid, 'server=' || s.srvname
        FROM pg_catalog.pg_foreign_table AS f JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
        UNION ALL
        SELECT ftrelid, 'fdw.' || unnest(ftoptions) FROM pg_catalog.pg_foreign_table
    ) AS o
    GROUP BY o.oid
),

table_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'schema', r.schema,
        'name', r.name,
        'kind', CASE r.kind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' ELSE 'foreign table' END,
        'columns', coalesce(k.items, '[]'::json),
        'constraints', coalesce(cs.items, '[]'::json),
        'indexes', coalesce(ix.items, '[]'::json),
        'triggers', coalesce(tg.items, '[]'::json),
        'policies', coalesce(po.items, '[]'::json),
        'row_security', c.relrowsecurity,
        'force_row_security', c.relforcerowsecurity,
        'unlogged', c.relpersistence = 'u',
        'options', coalesce(o.items, '[]'::json),
        'inherits', CASE WHEN NOT p.partition THEN p.items ELSE '[]'::json END,
        'partition_key', CASE WHEN r.kind = 'p' THEN pg_catalog.pg_get_partkeydef(r.oid) END,
        'partition_of', CASE WHEN p.partition THEN p.items -> 0 END,
        'partition_bound', CASE WHEN p.partition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) END,
        'of_type', CASE WHEN t.oid IS NOT NULL
            THEN json_build_object('schema', tn.nspname, 'name', t.typname) END,
        'replica_identity', c.relreplident,
        'access_method', am.amname,
        'tablespace', s.spcname,
        'access', a.access
    ) ORDER BY r.schema, r.name), '[]'::json) AS items
    FROM relations AS r
    JOIN pg_catalog.pg_class AS c ON c.oid = r.oid
    JOIN access AS a ON a.classid = 'pg_class'::regclass AND a.objid = r.oid
    LEFT JOIN columns AS k ON k.relation = r.oid
    LEFT JOIN constraints AS cs ON cs.relation = r.oid
    LEFT JOIN indexes AS ix ON ix.relation = r.oid
    LEFT JOIN triggers AS tg ON tg.relation = r.oid
    LEFT JOIN policies AS po ON po.relation = r.oid
    LEFT JOIN relation_options AS o ON o.oid = r.oid
    LEFT JOIN parents AS p ON p.oid = r.oid
    LEFT JOIN pg_catalog.pg_type AS t ON t.oid = c.reloftype
    LEFT JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_am AS am
        ON am.oid = c.relam AND am.amname <> current_setting('default_table_access_method')
    LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = c.reltablespace
    WHERE r.kind IN ('r', 'p', 'f')
),

view_list AS (
    SELECT coalesce(json_agg(json_build_object(
        'schema', r.schema,
        'name', r.name,
        'materialized', r.kind = 'm',
        'definition', rtrim(pg_catalog.pg_get_viewdef(r.oid), ';'),
        'columns', coalesce(k.items, '[]'::json),
        'options', coalesce(o.items, '[]'::json),
        'indexes', coalesce(ix.items, '[]'::json),
        'triggers', coalesce(tg.items, '[]'::json),
        'access', a.access
    ) ORDER BY r.schema, r.name), '[]'::json) AS items
    FROM relations AS r
    JOIN access AS a ON a.classid = 'pg_class'::regclass AND a.objid = r.oid
    LEFT JOIN columns AS k ON k.relation = r.oid
    LEFT JOIN indexes AS ix ON ix.relation = r.oid
    LEFT JOIN triggers AS tg ON tg.relation = r.oid
    LEFT JOIN relation_options AS o ON o.oid = r.oid
    WHERE r.kind IN ('v', 'm')
)
