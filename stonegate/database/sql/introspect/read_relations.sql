-- Sequences, tables, views and materialised views with all their parts. Properties that have the model's default are
-- left out of the document: concat() drops what is NULL.
WITH spaces AS MATERIALIZED ([[spaces]]),

relations AS MATERIALIZED ([[relations]]),

notes AS MATERIALIZED ([[notes]]),

-- What depends on columns: sequences that they own, indexes and triggers that mention them.
links AS MATERIALIZED (
    SELECT classid, objid, refobjid AS relation, refobjsubid AS number, deptype
    FROM pg_catalog.pg_depend
    WHERE objid >= 16384 AND refclassid = 'pg_class'::regclass AND refobjsubid > 0
        AND classid IN ('pg_class'::regclass, 'pg_trigger'::regclass)
),

-- The columns that an index or a trigger mentions anywhere in it.
mentioned AS MATERIALIZED (
    SELECT classid, objid, relation, array_agg(DISTINCT number) AS numbers FROM links GROUP BY classid, objid, relation
),

sequences AS MATERIALIZED (
    SELECT s.seqrelid AS oid, l.relation, l.number, l.deptype = 'i' AS identity,
        -- The sequence inside an identity column counts as one of the column's type: the bounds say all about it, and
        -- LIKE … INCLUDING IDENTITY makes it of type bigint.
        concat('{"type":"', pg_catalog.format_type(coalesce(a.atttypid, s.seqtypid), NULL), '","start":', s.seqstart, ',"increment":',
            s.seqincrement, ',"minimum":', s.seqmin, ',"maximum":', s.seqmax, ',"cache":', s.seqcache, ',"cycle":',
            CASE WHEN s.seqcycle THEN 'true' ELSE 'false' END, '}') AS options
    FROM pg_catalog.pg_sequence AS s
    LEFT JOIN links AS l ON l.objid = s.seqrelid AND l.classid = 'pg_class'::regclass AND l.deptype IN ('a', 'i')
    LEFT JOIN pg_catalog.pg_attribute AS a
        ON l.deptype = 'i' AND a.attrelid = l.relation AND a.attnum = l.number AND a.attrelid >= 16384
),

owned AS MATERIALIZED (
    SELECT s.relation, s.number, s.identity, s.options,
        concat('"schema":', to_json(p.name::text), ',"name":', to_json(c.relname::text)) AS named,
        'nextval(' || quote_literal(quote_ident(p.name) || '.' || quote_ident(c.relname)) || '::regclass)' AS nextval,
        CASE WHEN s.identity
            THEN [[access owner=c.relowner; comment=n.text; acl=c.relacl; kind='s']] END AS access
    FROM sequences AS s
    JOIN pg_catalog.pg_class AS c ON c.oid = s.oid
    JOIN spaces AS p ON p.oid = c.relnamespace
    LEFT JOIN notes AS n ON n.classid = 'pg_class'::regclass AND n.objid = s.oid AND n.number = 0
    WHERE s.relation IS NOT NULL
),

-- NOT NULL constraints that are more than that, or not called as PostgreSQL calls them (PostgreSQL 18).
special_not_null AS MATERIALIZED (
    SELECT c.conrelid AS relation, a.attnum AS number,
        nullif(concat_ws(' ', CASE WHEN c.connoinherit THEN 'NO INHERIT' END,
            CASE WHEN NOT c.convalidated THEN 'NOT VALID' END), '') AS options, NOT c.conislocal AS inherited,
        nullif(c.conname::text, concat_ws('_', r.name, a.attname, 'not_null')) AS name
    FROM pg_catalog.pg_constraint AS c
    JOIN relations AS r ON r.oid = c.conrelid
    JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] AND a.attrelid >= 16384 AND a.attnum > 0
    WHERE c.contype = 'n' AND c.oid >= 16384
),

columns AS MATERIALIZED (
    SELECT a.attrelid AS relation,
        -- Position n of `names` is column number n: dropped columns keep their place.
        array_agg(to_json(a.attname::text)::text ORDER BY a.attnum) AS names,
        string_agg(concat('{"name":', to_json(a.attname::text),
            ',"type":', to_json(pg_catalog.format_type(a.atttypid, a.atttypmod)),
            CASE WHEN a.attcollation <> t.typcollation
                THEN ',"collation":' || to_json([[collation oid=a.attcollation]]) END,
            CASE WHEN a.attnotnull THEN ',"not_null":true' END,
            ',"not_null_options":' || to_json(x.options),
            ',"not_null_name":' || to_json(x.name),
            CASE WHEN x.inherited THEN ',"not_null_inherited":true' END,
            CASE WHEN a.attgenerated = '' THEN ',"default":' || to_json(d.expression)
                ELSE concat(',"generated":', to_json(d.expression), ',"generated_kind":"',
                    CASE a.attgenerated WHEN 's' THEN 'stored' ELSE 'virtual' END, '"') END,
            CASE WHEN s.identity THEN concat(',"identity":"', CASE a.attidentity WHEN 'a' THEN 'always'
                    ELSE 'by default' END, '","identity_options":', s.options, ',"identity_name":{', s.named,
                    '},"identity_access":', s.access)
                WHEN s.nextval = d.expression THEN ',"owned_sequence":{' || s.named || '}' END,
            CASE WHEN NOT a.attislocal THEN ',"inherited":true' END,
            CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN ',"storage":"plain"'
                WHEN 'e' THEN ',"storage":"external"' WHEN 'm' THEN ',"storage":"main"'
                ELSE ',"storage":"extended"' END END,
            CASE a.attcompression WHEN 'p' THEN ',"compression":"pglz"' WHEN 'l' THEN ',"compression":"lz4"' END,
            ',"statistics":' || nullif(a.attstattarget, -1),
            CASE WHEN a.attoptions IS NOT NULL OR a.attfdwoptions IS NOT NULL THEN (
                SELECT ',"options":' || json_agg(o.text ORDER BY o.text COLLATE "C") FROM (
                    -- pg_attver is the server's own note (15.20 and later), not something that anybody declared.
                    SELECT own.text FROM unnest(a.attoptions) AS own (text)
                    WHERE NOT pg_catalog.starts_with(own.text, 'pg_attver=')
                    UNION ALL
                    SELECT 'fdw.' || unnest(a.attfdwoptions)
                ) AS o) END,
            ',"comment":' || to_json(n.text),
            CASE WHEN a.attacl IS NOT NULL THEN [[privileges acl=a.attacl; usual=NULL::_aclitem; owner=NULL]] END,
            '}'), ',' ORDER BY a.attnum) FILTER (WHERE NOT a.attisdropped) AS items
    FROM pg_catalog.pg_attribute AS a
    JOIN relations AS r ON r.oid = a.attrelid AND r.kind NOT IN ('c', 'S')
    LEFT JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN (
        SELECT adrelid AS relation, adnum AS number, pg_catalog.pg_get_expr(adbin, adrelid) AS expression
        FROM pg_catalog.pg_attrdef OFFSET 0
    ) AS d ON d.relation = a.attrelid AND d.number = a.attnum
    LEFT JOIN owned AS s
        ON s.relation = a.attrelid AND s.number = a.attnum AND (s.identity OR s.nextval = d.expression)
    LEFT JOIN special_not_null AS x ON x.relation = a.attrelid AND x.number = a.attnum
    LEFT JOIN notes AS n ON n.classid = 'pg_class'::regclass AND n.objid = a.attrelid AND n.number = a.attnum
    WHERE a.attrelid >= 16384 AND a.attnum > 0
    GROUP BY a.attrelid
),

all_indexes AS MATERIALIZED (
    SELECT x.indexrelid AS oid, x.indrelid AS relation, x.indkey, x.indisunique, x.indisvalid, x.indisclustered,
        x.indisreplident, x.indexprs IS NOT NULL OR x.indpred IS NOT NULL AS computed, i.relname AS name,
        i.relkind AS kind, k.oid AS constraint, h.inhparent IS NOT NULL AND k.conparentid = 0 AS shared,
        -- Where the database's own setting puts an index is no part of its definition.
        nullif(s.spcname, current_setting('default_tablespace')) AS space,
        -- A part of a partitioned table's constraint reads as that does; remarks.sql says what its index has for itself.
        CASE WHEN h.inhparent IS NULL THEN i.reloptions ELSE (
            SELECT p.reloptions FROM pg_catalog.pg_class AS p WHERE p.oid = h.inhparent) END AS reloptions,
        nullif(CASE WHEN h.inhparent IS NULL THEN s.spcname ELSE (
            SELECT t.spcname FROM pg_catalog.pg_class AS p JOIN pg_catalog.pg_tablespace AS t ON t.oid = p.reltablespace
            WHERE p.oid = h.inhparent) END, current_setting('default_tablespace')) AS constraint_space,
        pg_catalog.pg_get_expr(x.indpred, x.indrelid) AS predicate
    FROM pg_catalog.pg_index AS x
    JOIN relations AS r ON r.oid = x.indrelid
    JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
    LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x')
    LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = i.reltablespace
    LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = x.indexrelid
    WHERE x.indexrelid >= 16384
),

-- Without the shadows of constraint triggers: their trigger says everything about them.
constraints AS MATERIALIZED (
    SELECT c.conrelid AS relation, string_agg(concat('{"name":', to_json(c.conname::text), ',"kind":"',
        CASE c.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion'
            WHEN 'c' THEN 'check' ELSE 'foreign key' END,
        '","definition":', to_json(CASE
            -- pg_get_constraintdef leaves out what belongs to the index; it stands before WHERE and DEFERRABLE.
            WHEN c.contype IN ('p', 'u') AND (i.reloptions IS NOT NULL OR i.constraint_space IS NOT NULL)
            THEN concat(d.main, ' WITH (' || array_to_string(i.reloptions, ', ') || ')',
                ' USING INDEX TABLESPACE ' || quote_ident(i.constraint_space), d.rest)
            WHEN c.contype = 'x' AND i.constraint_space IS NOT NULL
            THEN concat(left(d.main, length(d.main) - coalesce(length(i.predicate) + 9, 0)), ' USING INDEX TABLESPACE ',
                quote_ident(i.constraint_space), ' WHERE (' || i.predicate || ')', d.rest)
            ELSE c.definition END),
        ',"columns":[' || (
            SELECT string_agg(k.names[u.number], ',' ORDER BY u.position)
            FROM unnest(c.conkey) WITH ORDINALITY AS u (number, position)) || ']',
        CASE WHEN c.contype = 'f' THEN ',"references":{' || coalesce(f.named, [[relation_name oid=c.confrelid]]) || '}' END,
        ',"index":' || to_json(i.name::text),
        CASE WHEN c.coninhcount > 0 AND NOT c.conislocal THEN ',"inherited":true' END,
        CASE WHEN i.shared THEN ',"shared":true' END,
        CASE WHEN i.indisclustered THEN ',"clustered":true' END,
        CASE WHEN i.indisreplident THEN ',"replica_identity":true' END,
        ',"comment":' || to_json(n.text), '}'), ',' ORDER BY c.conname) AS items
    FROM (
        SELECT *, pg_catalog.pg_get_constraintdef(oid) AS definition
        FROM pg_catalog.pg_constraint
        WHERE oid >= 16384 AND conrelid <> 0 AND contype IN ('p', 'u', 'x', 'c', 'f')
            AND conrelid IN (SELECT oid FROM relations)
        OFFSET 0
    ) AS c
    LEFT JOIN columns AS k ON k.relation = c.conrelid
    LEFT JOIN all_indexes AS i ON i.constraint = c.oid
    LEFT JOIN relations AS f ON f.oid = c.confrelid
    LEFT JOIN notes AS n ON n.classid = 'pg_constraint'::regclass AND n.objid = c.oid
    LEFT JOIN LATERAL (
        SELECT regexp_replace(c.definition, '( DEFERRABLE)?( INITIALLY DEFERRED)?$', '') AS main,
            substring(c.definition FROM '(?: DEFERRABLE)?(?: INITIALLY DEFERRED)?$') AS rest
        WHERE i.reloptions IS NOT NULL OR i.constraint_space IS NOT NULL
    ) AS d ON true
    -- The keys that PostgreSQL adds for each partition of a referenced partitioned table are its own affair.
    WHERE c.conparentid = 0
        OR c.conrelid <> (SELECT p.conrelid FROM pg_catalog.pg_constraint AS p WHERE p.oid = c.conparentid)
    GROUP BY c.conrelid
),

index_texts AS MATERIALIZED (
    SELECT i.*, CASE WHEN i.indisunique THEN 'CREATE UNIQUE INDEX ' ELSE 'CREATE INDEX ' END AS prefix, CASE
        WHEN i.space IS NOT NULL
        -- TABLESPACE, which pg_get_indexdef leaves out, stands before WHERE.
        THEN concat(left(d.text, length(d.text) - coalesce(length(i.predicate) + 7, 0)), ' TABLESPACE ',
            quote_ident(i.space), ' WHERE ' || i.predicate)
        ELSE d.text END AS definition
    FROM all_indexes AS i
    CROSS JOIN LATERAL (
        -- A valid index of a partitioned table covers its partitions, and does so again when written without ONLY.
        SELECT CASE WHEN i.kind = 'I' AND i.indisvalid
            THEN regexp_replace(pg_catalog.pg_get_indexdef(i.oid), ' ON ONLY ', ' ON ')
            ELSE pg_catalog.pg_get_indexdef(i.oid) END AS text
        OFFSET 0
    ) AS d
    WHERE i.constraint IS NULL
),

indexes AS MATERIALIZED (
    SELECT i.relation, string_agg(concat('{"name":', to_json(i.name::text),
        ',"definition":', to_json(i.definition),
        ',"shape":', to_json(i.prefix
            || substr(i.definition, length(i.prefix) + length(quote_ident(i.name)) + 2)),
        CASE WHEN i.indisunique THEN ',"unique":true' END,
        ',"columns":[' || CASE WHEN i.computed THEN (
            SELECT string_agg(k.names[u.number], ',' ORDER BY coalesce(
                array_position(i.indkey::int2[], u.number::int2), 32767), u.number)
            FROM unnest(m.numbers) AS u (number)
        ) ELSE (
            SELECT string_agg(k.names[u.number], ',' ORDER BY u.position)
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u (number, position)
        ) END || ']',
        CASE WHEN NOT i.indisvalid THEN ',"valid":false' END,
        CASE WHEN h.inhrelid IS NOT NULL THEN ',"inherited":true' END,
        CASE WHEN i.indisclustered THEN ',"clustered":true' END,
        CASE WHEN i.indisreplident THEN ',"replica_identity":true' END,
        CASE WHEN i.computed THEN (
            SELECT ',"statistics":' || json_agg(json_build_array(a.attnum, a.attstattarget) ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = i.oid AND a.attstattarget >= 0) END,
        ',"comment":' || to_json(n.text), '}'), ',' ORDER BY i.name) AS items
    FROM index_texts AS i
    LEFT JOIN columns AS k ON k.relation = i.relation
    LEFT JOIN mentioned AS m
        ON i.computed AND m.classid = 'pg_class'::regclass AND m.objid = i.oid AND m.relation = i.relation
    LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = i.oid
    LEFT JOIN notes AS n ON n.classid = 'pg_class'::regclass AND n.objid = i.oid AND n.number = 0
    GROUP BY i.relation
),

triggers AS MATERIALIZED (
    SELECT t.tgrelid AS relation, string_agg(concat('{"name":', to_json(t.tgname::text),
        ',"definition":', to_json(pg_catalog.pg_get_triggerdef(t.oid)),
        CASE WHEN t.tgenabled <> 'O' THEN format(',"enabled":"%s"', t.tgenabled) END,
        ',"routine":{', [[routine_name oid=t.tgfoid]], '}',
        ',"columns":[' || (
            SELECT string_agg(k.names[u.number], ',' ORDER BY u.number) FROM unnest(m.numbers) AS u (number)
        ) || ']',
        ',"comment":' || to_json(n.text), '}'), ',' ORDER BY t.tgname) AS items
    FROM pg_catalog.pg_trigger AS t
    JOIN relations AS r ON r.oid = t.tgrelid
    LEFT JOIN columns AS k ON k.relation = t.tgrelid
    LEFT JOIN mentioned AS m ON m.classid = 'pg_trigger'::regclass AND m.objid = t.oid AND m.relation = t.tgrelid
    LEFT JOIN notes AS n ON n.classid = 'pg_trigger'::regclass AND n.objid = t.oid
    WHERE t.oid >= 16384 AND NOT t.tgisinternal AND t.tgparentid = 0
        AND t.oid NOT IN (
            SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_trigger'::regclass AND deptype = 'e')
    GROUP BY t.tgrelid
),

policies AS MATERIALIZED (
    SELECT p.polrelid AS relation, string_agg(concat('{"name":', to_json(p.polname::text),
        ',"permissive":', to_json(p.polpermissive),
        ',"command":"', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
        '","roles":', (
            SELECT json_agg(m.role ORDER BY m.role) FROM (
                SELECT CASE u.oid WHEN 0 THEN 'public'::name ELSE pg_catalog.pg_get_userbyid(u.oid) END AS role
                FROM unnest(p.polroles) AS u (oid)) AS m),
        ',"using":' || to_json(pg_catalog.pg_get_expr(p.polqual, p.polrelid)),
        ',"check":' || to_json(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)),
        ',"comment":' || to_json(n.text), '}'), ',' ORDER BY p.polname) AS items
    FROM pg_catalog.pg_policy AS p
    JOIN relations AS r ON r.oid = p.polrelid
    LEFT JOIN notes AS n ON n.classid = 'pg_policy'::regclass AND n.objid = p.oid
    GROUP BY p.polrelid
),

parents AS MATERIALIZED (
    SELECT i.inhrelid AS oid, string_agg('{' || coalesce(r.named, [[relation_name oid=i.inhparent]]) || '}', ','
        ORDER BY i.inhseqno) AS items
    FROM pg_catalog.pg_inherits AS i
    LEFT JOIN relations AS r ON r.oid = i.inhparent
    GROUP BY i.inhrelid
),

parts AS MATERIALIZED (
    SELECT r.*, concat('{', r.named,
        ',"columns":[' || c.items || ']',
        ',"constraints":[' || k.items || ']',
        ',"indexes":[' || i.items || ']',
        ',"triggers":[' || t.items || ']',
        CASE WHEN r.reloptions IS NOT NULL OR o.reloptions IS NOT NULL OR r.kind = 'f' THEN (
            SELECT ',"options":' || json_agg(x.text ORDER BY x.text COLLATE "C") FROM (
                SELECT unnest(r.reloptions) AS text
                UNION ALL
                SELECT 'toast.' || unnest(o.reloptions)
                UNION ALL
                SELECT 'server=' || s.srvname
                FROM pg_catalog.pg_foreign_table AS f JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
                WHERE f.ftrelid = r.oid
                UNION ALL
                SELECT 'fdw.' || unnest(f.ftoptions) FROM pg_catalog.pg_foreign_table AS f WHERE f.ftrelid = r.oid
            ) AS x) END,
        CASE WHEN r.relam <> (SELECT oid FROM pg_catalog.pg_am
                WHERE amname = current_setting('default_table_access_method'))
            THEN ',"access_method":' || (SELECT to_json(m.amname::text) FROM pg_catalog.pg_am AS m WHERE m.oid = r.relam) END,
        CASE WHEN r.reltablespace <> 0 THEN ',"tablespace":' || (
            SELECT to_json(s.spcname::text) FROM pg_catalog.pg_tablespace AS s WHERE s.oid = r.reltablespace) END,
        ',"access":', [[access owner=r.owner; comment=n.text; acl=r.acl; kind='r']]) AS item
    FROM relations AS r
    LEFT JOIN columns AS c ON c.relation = r.oid
    LEFT JOIN constraints AS k ON k.relation = r.oid
    LEFT JOIN indexes AS i ON i.relation = r.oid
    LEFT JOIN triggers AS t ON t.relation = r.oid
    LEFT JOIN notes AS n ON n.classid = 'pg_class'::regclass AND n.objid = r.oid AND n.number = 0
    LEFT JOIN (
        SELECT oid, reloptions FROM pg_catalog.pg_class WHERE relkind = 't' AND reloptions IS NOT NULL
    ) AS o ON o.oid = r.reltoastrelid
    WHERE r.kind IN ('r', 'p', 'f', 'v', 'm')
)

SELECT concat('"sequences":[', (
    SELECT string_agg(concat('{', r.named, ',"options":', s.options,
        ',"owned_by":[' || to_json(o.schema::text) || ',' || to_json(o.name::text) || ',' || c.names[s.number] || ']',
        CASE WHEN r.relpersistence = 'u' THEN ',"unlogged":true' END,
        ',"access":', [[access owner=r.owner; comment=n.text; acl=r.acl; kind='s']], '}'),
        ',' ORDER BY r.schema, r.name)
    FROM relations AS r
    JOIN sequences AS s ON s.oid = r.oid
    LEFT JOIN relations AS o ON o.oid = s.relation
    LEFT JOIN columns AS c ON c.relation = s.relation
    LEFT JOIN notes AS n ON n.classid = 'pg_class'::regclass AND n.objid = r.oid AND n.number = 0
), '],"tables":[', (
    SELECT string_agg(concat(r.item,
        CASE r.kind WHEN 'p' THEN ',"kind":"partitioned table","partition_key":'
                || to_json(pg_catalog.pg_get_partkeydef(r.oid))
            WHEN 'f' THEN ',"kind":"foreign table"' END,
        ',"policies":[' || p.items || ']',
        CASE WHEN r.relrowsecurity THEN ',"row_security":true' END,
        CASE WHEN r.relforcerowsecurity THEN ',"force_row_security":true' END,
        CASE WHEN r.relpersistence = 'u' THEN ',"unlogged":true' END,
        CASE WHEN r.relispartition THEN concat(',"partition_of":', h.items,
            ',"partition_bound":', to_json(pg_catalog.pg_get_expr(r.relpartbound, r.oid)))
            ELSE ',"inherits":[' || h.items || ']' END,
        CASE WHEN r.reloftype <> 0 THEN concat(',"of_type":{', [[type_name oid=r.reloftype]], '}') END,
        CASE WHEN r.relreplident <> 'd' AND r.kind <> 'f' THEN format(',"replica_identity":"%s"', r.relreplident) END,
        '}'), ',' ORDER BY r.schema, r.name)
    FROM parts AS r
    LEFT JOIN policies AS p ON p.relation = r.oid
    LEFT JOIN parents AS h ON h.oid = r.oid
    WHERE r.kind IN ('r', 'p', 'f')
), '],"views":[', (
    SELECT string_agg(concat(r.item,
        CASE WHEN r.kind = 'm' THEN ',"materialized":true' END,
        CASE WHEN NOT r.relispopulated THEN ',"populated":false' END,
        ',"definition":', to_json(rtrim(pg_catalog.pg_get_viewdef(r.oid), ';')),
        '}'), ',' ORDER BY r.schema, r.name)
    FROM parts AS r
    WHERE r.kind IN ('v', 'm')
), ']')
