-- Of tables with triggers it is also who owns their functions that counts: such are looked at.
NOT EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = pg_catalog.to_regnamespace('public')::oid AND c.relname IN ([[names]])
        AND (c.relhastriggers OR NOT ([[trusts role=c.relowner]]))
    )
