-- CREATE AGGREGATE has no deparser in PostgreSQL; options at their defaults are left out.
SELECT p.oid, format('CREATE OR REPLACE AGGREGATE %I.%I(%s) (%s)', r.name, p.proname,
    CASE WHEN p.pronargs = 0 AND a.aggkind = 'n' THEN '*' ELSE pg_catalog.pg_get_function_arguments(p.oid) END,
    concat_ws(', ',
        'SFUNC = ' || a.aggtransfn::text,
        'STYPE = ' || pg_catalog.format_type(a.aggtranstype, NULL),
        'SSPACE = ' || nullif(a.aggtransspace, 0),
        CASE WHEN a.aggfinalfn <> 0 THEN 'FINALFUNC = ' || a.aggfinalfn::text END,
        CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
        CASE WHEN a.aggfinalmodify <> w.usual THEN 'FINALFUNC_MODIFY = ' || w.final END,
        CASE WHEN a.aggcombinefn <> 0 THEN 'COMBINEFUNC = ' || a.aggcombinefn::text END,
        CASE WHEN a.aggserialfn <> 0 THEN 'SERIALFUNC = ' || a.aggserialfn::text END,
        CASE WHEN a.aggdeserialfn <> 0 THEN 'DESERIALFUNC = ' || a.aggdeserialfn::text END,
        'INITCOND = ' || quote_literal(a.agginitval),
        CASE WHEN a.aggmtransfn <> 0 THEN 'MSFUNC = ' || a.aggmtransfn::text END,
        CASE WHEN a.aggminvtransfn <> 0 THEN 'MINVFUNC = ' || a.aggminvtransfn::text END,
        CASE WHEN a.aggmtranstype <> 0 THEN 'MSTYPE = ' || pg_catalog.format_type(a.aggmtranstype, NULL) END,
        'MSSPACE = ' || nullif(a.aggmtransspace, 0),
        CASE WHEN a.aggmfinalfn <> 0 THEN 'MFINALFUNC = ' || a.aggmfinalfn::text END,
        CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
        CASE WHEN a.aggmtransfn <> 0 AND a.aggmfinalmodify <> w.usual
            THEN 'MFINALFUNC_MODIFY = ' || w.moving END,
        'MINITCOND = ' || quote_literal(a.aggminitval),
        (SELECT format('SORTOP = OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_catalog.pg_operator AS o
            JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace WHERE o.oid = a.aggsortop),
        CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END,
        CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END
    )) AS definition
FROM pg_catalog.pg_aggregate AS a
JOIN pg_catalog.pg_proc AS p ON p.oid = a.aggfnoid
JOIN ([[our_schemas]]) AS r ON r.oid = p.pronamespace
CROSS JOIN LATERAL (
    SELECT CASE a.aggkind WHEN 'n' THEN 'r'::"char" ELSE 'w' END AS usual,
        CASE a.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END AS final,
        CASE a.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END AS moving
) AS w
WHERE p.oid >= 16384
