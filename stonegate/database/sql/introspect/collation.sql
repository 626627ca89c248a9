(SELECT format('%I.%I', its_schema.nspname, itself.collname) FROM pg_catalog.pg_collation AS itself
    JOIN pg_catalog.pg_namespace AS its_schema ON its_schema.oid = itself.collnamespace WHERE itself.oid = [[oid]])
