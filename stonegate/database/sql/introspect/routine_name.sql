(SELECT concat('"schema":', to_json(its_schema.nspname::text), ',"name":', to_json(itself.proname::text))
    FROM pg_catalog.pg_proc AS itself
    JOIN pg_catalog.pg_namespace AS its_schema ON its_schema.oid = itself.pronamespace WHERE itself.oid = [[oid]])
