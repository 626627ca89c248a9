(SELECT concat('"schema":', to_json(its_schema.nspname::text), ',"name":', to_json(itself.relname::text))
    FROM pg_catalog.pg_class AS itself
    JOIN pg_catalog.pg_namespace AS its_schema ON its_schema.oid = itself.relnamespace WHERE itself.oid = [[oid]])
