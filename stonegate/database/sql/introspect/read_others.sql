-- What the model holds as text only, and the dependencies on it and of it. Statements are written out where one statement
-- says everything about the object (`creatable`); other texts are good for comparison alone.
WITH [[nodes]],

operator_names AS MATERIALIZED (
    SELECT o.oid, format('OPERATOR(%I.%s)', n.nspname, o.oprname) AS name, format('%I.%s', n.nspname, o.oprname) AS plain
    FROM pg_catalog.pg_operator AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
),

-- The name in CREATE, where the identity (and DROP) says more.
plain_names AS MATERIALIZED (
    SELECT 'pg_operator'::regclass::oid AS classid, oid, plain FROM operator_names
    UNION ALL
    SELECT 'pg_opclass'::regclass, c.oid, format('%I.%I', n.nspname, c.opcname)
    FROM pg_catalog.pg_opclass AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.opcnamespace
),

others AS MATERIALIZED (
    SELECT o.classid, o.objid, o.kind, i.identity, o.definition, o.creatable, o.drop
    FROM (
        [[attached_objects]]
        UNION ALL
        [[server_objects]]
    ) AS o
    CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) AS i
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS m WHERE m.classid = o.classid AND m.objid = o.objid AND m.deptype IN ('e', 'i'))
    UNION ALL
    -- There is no changing a conversion into the default one: of one name, it is made anew.
    SELECT o.classid, o.objid, replace(o.kind, 'default conversion', 'conversion'), i.identity,
        concat('CREATE ', CASE WHEN o.kind = 'default conversion' THEN 'DEFAULT ' END, o.subject,
            coalesce(n.plain, i.identity), o.detail),
        o.creatable, concat('DROP ', o.subject, i.identity)
    FROM (
        [[standalone_objects]]
    ) AS o
    CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) AS i
    LEFT JOIN plain_names AS n ON n.classid = o.classid AND n.oid = o.objid
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS m WHERE m.classid = o.classid AND m.objid = o.objid AND m.deptype IN ('e', 'i'))
),

remarks AS MATERIALIZED ([[remarks]]),

parts AS MATERIALIZED (
    SELECT classid, objid, string_agg(concat('{"sql":', to_json(sql), ',"undo":', to_json(undo), '}'), ','
        ORDER BY sql COLLATE "C") AS list
    FROM (
        [[other_parts]]
    ) AS p
    GROUP BY classid, objid
),

all_nodes AS MATERIALIZED (
    SELECT classid, objid, number, key, false AS other FROM nodes
    UNION ALL
    SELECT classid, objid, 0, concat('{"kind":"other","schema":"","name":', to_json(concat(kind, ' ', identity)), '}'), true
    FROM others
    UNION ALL
    -- Parts of publications and of operator families stand for these.
    SELECT p.classid, p.objid, 0, concat('{"kind":"other","schema":"","name":', to_json(concat(o.kind, ' ', o.identity)), '}'),
        true
    FROM (
        SELECT 'pg_publication_rel'::regclass::oid AS classid, oid AS objid, 'pg_publication'::regclass::oid AS whole_class,
            prpubid AS whole
        FROM pg_catalog.pg_publication_rel
        UNION ALL
        SELECT 'pg_publication_namespace'::regclass, oid, 'pg_publication'::regclass, pnpubid
        FROM pg_catalog.pg_publication_namespace
        UNION ALL
        SELECT 'pg_amop'::regclass, oid, 'pg_opfamily'::regclass, amopfamily FROM pg_catalog.pg_amop WHERE oid >= 16384
        UNION ALL
        SELECT 'pg_amproc'::regclass, oid, 'pg_opfamily'::regclass, amprocfamily FROM pg_catalog.pg_amproc WHERE oid >= 16384
    ) AS p
    JOIN others AS o ON o.classid = p.whole_class AND o.objid = p.whole
    UNION ALL
    SELECT 'pg_namespace'::regclass, oid, 0, concat('{"kind":"schema","schema":"","name":', to_json(name::text), '}'), false
    FROM spaces
)

SELECT concat('{"others":[', (
    SELECT string_agg(concat('{"kind":', to_json(o.kind), ',"identity":', to_json(o.identity),
        ',"definition":', to_json(o.definition),
        CASE WHEN o.creatable THEN ',"creatable":true' END,
        ',"drop":', to_json(o.drop),
        ',"parts":[' || p.list || ']',
        ',"owner":' || to_json(pg_catalog.pg_get_userbyid(w.owner)::text),
        ',"comment":' || to_json(n.description),
        ',"about":' || o.about, '}'), ',' ORDER BY o.kind COLLATE "C", o.identity COLLATE "C")
    FROM (
        SELECT *, NULL AS about FROM others
        UNION ALL
        SELECT NULL, NULL, r.kind, r.identity, r.definition, r.creatable, r.drop, r.about FROM remarks AS r
    ) AS o
    LEFT JOIN parts AS p ON p.classid = o.classid AND p.objid = o.objid
    LEFT JOIN (
        [[other_owners]]
    ) AS w ON w.classid = o.classid AND w.objid = o.objid
    LEFT JOIN pg_catalog.pg_description AS n ON n.classoid = o.classid AND n.objoid = o.objid
), '],"dependencies":[', (
    SELECT string_agg(e.edge, ',' ORDER BY e.edge COLLATE "C")
    FROM (
        SELECT DISTINCT concat('{"dependent":', a.key, ',"on":', b.key, '}') AS edge
        FROM pg_catalog.pg_depend AS d
        JOIN all_nodes AS a ON a.classid = d.classid AND a.objid = d.objid AND a.number = d.objsubid
        JOIN all_nodes AS b ON b.classid = d.refclassid AND b.objid = d.refobjid AND b.number = d.refobjsubid
        WHERE d.objid >= 16384 AND d.deptype NOT IN ('e', 'x')
            AND NOT (d.deptype = 'i' AND d.classid IN ('pg_amop'::regclass, 'pg_amproc'::regclass)) AND (a.other OR b.other) AND a.key <> b.key
        UNION
        SELECT concat('{"dependent":{"kind":"other","schema":"","name":', to_json(concat(r.kind, ' ', r.identity)),
            '},"on":', b.key, '}')
        FROM remarks AS r
        JOIN all_nodes AS b ON b.classid = r.holder_class AND b.objid = r.holder AND b.number = r.holder_number
    ) AS e
), ']}')
