-- What the model holds as text only. Statements are written out where one statement says everything about the object
-- (`creatable`); other texts are good for comparison alone.
WITH spaces AS MATERIALIZED ([[our_schemas]]),

relations AS MATERIALIZED ([[our_relations]]),

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

found AS MATERIALIZED (
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
)

SELECT o.classid AS cls, o.objid AS object, o.kind, o.identity, o.definition, o.creatable, o.drop,
    pg_catalog.pg_get_userbyid(w.owner) AS owner
FROM found AS o
LEFT JOIN (
    [[other_owners]]
) AS w ON w.classid = o.classid AND w.objid = o.objid
