-- What belongs to tables and views: constraints, indexes, triggers, policies.

-- Columns that a constraint's index, an index, a trigger or a policy mentions anywhere in it.
mentioned AS MATERIALIZED (
    SELECT d.classid, d.objid, d.refobjid AS relation, d.refobjsubid AS number
    FROM pg_catalog.pg_depend AS d
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
        AND d.classid IN ('pg_class'::regclass, 'pg_trigger'::regclass)
    GROUP BY 1, 2, 3, 4
),

constraint_parts AS MATERIALIZED (
    SELECT c.oid, c.conrelid AS relation, c.conname AS name,
        CASE WHEN c.contype IN ('p', 'u', 'x') THEN c.conindid ELSE 0 END AS index,
        CASE c.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion'
            WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' ELSE 'trigger' END AS kind,
        c.contype, c.conkey, c.confrelid, c.coninhcount > 0 AND NOT c.conislocal AS inherited,
        pg_catalog.pg_get_constraintdef(c.oid) AS definition
    FROM pg_catalog.pg_constraint AS c
    JOIN relations AS r ON r.oid = c.conrelid
    LEFT JOIN pg_catalog.pg_constraint AS p ON p.oid = c.conparentid
    WHERE c.contype IN ('p', 'u', 'x', 'c', 'f', 't')
        -- The keys that PostgreSQL adds for each partition of a referenced partitioned table are its own affair.
        AND (p.oid IS NULL OR p.conrelid <> c.conrelid)
),

constraint_columns AS MATERIALIZED (
    SELECT c.oid, json_agg(a.attname ORDER BY k.position) AS items
    FROM constraint_parts AS c
    CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (number, position)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.relation AND a.attnum = k.number
    GROUP BY c.oid
),

constraints AS MATERIALIZED (
    SELECT c.relation, json_agg(json_build_object(
        'name', c.name,
        'kind', c.kind,
        'definition', CASE WHEN c.contype IN ('p', 'u') AND (i.reloptions IS NOT NULL OR i.reltablespace <> 0)
            -- pg_get_constraintdef leaves out what belongs to the index; it stands before DEFERRABLE.
            THEN regexp_replace(c.definition, '( DEFERRABLE)?( INITIALLY DEFERRED)?$', '')
                || coalesce(' WITH (' || array_to_string(i.reloptions, ', ') || ')', '')
                || coalesce(' USING INDEX TABLESPACE ' || quote_ident(s.spcname), '')
                || substring(c.definition FROM '(?: DEFERRABLE)?(?: INITIALLY DEFERRED)?$')
            ELSE c.definition END,
        'columns', coalesce(k.items, '[]'::json),
        'references', CASE WHEN c.contype = 'f' THEN json_build_object('schema', fn.nspname, 'name', f.relname) END,
        'index', i.relname,
        'inherited', c.inherited,
        'clustered', coalesce(x.indisclustered, false),
        'replica_identity', coalesce(x.indisreplident, false),
        'comment', n.comment
    ) ORDER BY c.name) AS items
    FROM constraint_parts AS c
    LEFT JOIN constraint_columns AS k ON k.oid = c.oid
    LEFT JOIN pg_catalog.pg_class AS i ON i.oid = c.index
    LEFT JOIN pg_catalog.pg_index AS x ON x.indexrelid = c.index
    LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = i.reltablespace
    LEFT JOIN pg_catalog.pg_class AS f ON f.oid = c.confrelid
    LEFT JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
    LEFT JOIN notes AS n ON n.classid = 'pg_constraint'::regclass AND n.objid = c.oid AND n.number = 0
    GROUP BY c.relation
),

index_parts AS MATERIALIZED (
    SELECT x.indexrelid AS oid, x.indrelid AS relation, c.relname AS name, c.relkind AS kind, c.reltablespace,
        x.indkey, x.indisunique, x.indisvalid, x.indisclustered, x.indisreplident,
        CASE WHEN c.relkind = 'I' AND x.indisvalid
            -- A valid index of a partitioned table covers its partitions: written without ONLY it will again.
            THEN regexp_replace(pg_catalog.pg_get_indexdef(x.indexrelid), ' ON ONLY ', ' ON ')
            ELSE pg_catalog.pg_get_indexdef(x.indexrelid) END AS definition,
        CASE WHEN x.indisunique THEN 'CREATE UNIQUE INDEX ' ELSE 'CREATE INDEX ' END AS prefix
    FROM pg_catalog.pg_index AS x
    JOIN relations AS r ON r.oid = x.indrelid
    JOIN pg_catalog.pg_class AS c ON c.oid = x.indexrelid
    WHERE x.indexrelid NOT IN (SELECT index FROM constraint_parts)
        AND x.indexrelid NOT IN (SELECT objid FROM members WHERE classid = 'pg_class'::regclass)
),

index_columns AS MATERIALIZED (
    SELECT i.oid, json_agg(a.attname ORDER BY coalesce(array_position(i.indkey::int2[], a.attnum), 32767), a.attnum)
        AS items
    FROM index_parts AS i
    JOIN mentioned AS m ON m.classid = 'pg_class'::regclass AND m.objid = i.oid AND m.relation = i.relation
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = m.relation AND a.attnum = m.number
    GROUP BY i.oid
),

index_statistics AS MATERIALIZED (
    SELECT i.oid, json_agg(json_build_array(a.attnum, a.attstattarget) ORDER BY a.attnum) AS items
    FROM index_parts AS i
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.oid AND a.attstattarget >= 0
    GROUP BY i.oid
),

indexes AS MATERIALIZED (
    SELECT i.relation, json_agg(json_build_object(
        'name', i.name,
        'definition', i.definition,
        'shape', i.prefix || substr(i.definition, length(i.prefix) + length(quote_ident(i.name)) + 2),
        'unique', i.indisunique,
        'columns', coalesce(k.items, '[]'::json),
        'valid', i.indisvalid,
        'inherited', h.inhrelid IS NOT NULL,
        'clustered', i.indisclustered,
        'replica_identity', i.indisreplident,
        'statistics', coalesce(t.items, '[]'::json),
        'comment', n.comment
    ) ORDER BY i.name) AS items
    FROM index_parts AS i
    LEFT JOIN index_columns AS k ON k.oid = i.oid
    LEFT JOIN index_statistics AS t ON t.oid = i.oid
    LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = i.oid
    LEFT JOIN notes AS n ON n.classid = 'pg_class'::regclass AND n.objid = i.oid AND n.number = 0
    GROUP BY i.relation
),

trigger_parts AS MATERIALIZED (
    SELECT t.oid, t.tgrelid AS relation, t.tgname AS name, t.tgenabled AS enabled, t.tgattr, t.tgfoid
    FROM pg_catalog.pg_trigger AS t
    JOIN relations AS r ON r.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgparentid = 0
        AND t.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_trigger'::regclass)
),

trigger_columns AS MATERIALIZED (
    SELECT t.oid, json_agg(a.attname ORDER BY a.attnum) AS items
    FROM trigger_parts AS t
    JOIN mentioned AS m ON m.classid = 'pg_trigger'::regclass AND m.objid = t.oid AND m.relation = t.relation
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = m.relation AND a.attnum = m.number
    GROUP BY t.oid
),

triggers AS MATERIALIZED (
    SELECT t.relation, json_agg(json_build_object(
        'name', t.name,
        'definition', pg_catalog.pg_get_triggerdef(t.oid),
        'enabled', t.enabled,
        'routine', json_build_object('schema', f.pronamespace::regnamespace, 'name', f.proname),
        'columns', coalesce(k.items, '[]'::json),
        'comment', n.comment
    ) ORDER BY t.name) AS items
    FROM trigger_parts AS t
    JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
    LEFT JOIN trigger_columns AS k ON k.oid = t.oid
    LEFT JOIN notes AS n ON n.classid = 'pg_trigger'::regclass AND n.objid = t.oid AND n.number = 0
    GROUP BY t.relation
),

policies AS MATERIALIZED (
    SELECT p.polrelid AS relation, json_agg(json_build_object(
        'name', p.polname,
        'permissive', p.polpermissive,
        'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
        'roles', (
            SELECT json_agg(role.name ORDER BY role.name)
            FROM unnest(p.polroles) AS member (oid), LATERAL (
                SELECT CASE member.oid WHEN 0 THEN 'public'::name ELSE pg_catalog.pg_get_userbyid(member.oid) END
            ) AS role (name)),
        'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid),
        'comment', n.comment
    ) ORDER BY p.polname) AS items
    FROM pg_catalog.pg_policy AS p
    JOIN relations AS r ON r.oid = p.polrelid
    LEFT JOIN notes AS n ON n.classid = 'pg_policy'::regclass AND n.objid = p.oid AND n.number = 0
    GROUP BY p.polrelid
)
