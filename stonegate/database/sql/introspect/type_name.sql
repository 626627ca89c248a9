(SELECT concat('"schema":', to_json(its_schema.nspname::text), ',"name":', to_json(itself.typname::text))
    FROM pg_catalog.pg_type AS itself
    JOIN pg_catalog.pg_namespace AS its_schema ON its_schema.oid = itself.typnamespace WHERE itself.oid = [[oid]])
