-- The original's columns lose their limits: the label of a routine with a dozen parameters is longer than 255 characters,
-- and so is many a path. What a view of somebody's reads keeps them, since PostgreSQL changes no type below a view.
DECLARE
    narrow record;
BEGIN
    FOR narrow IN
        SELECT a.attrelid::regclass AS relation, a.attname AS name
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = pg_catalog.to_regnamespace('public')::oid AND c.relname IN ([[names]])
            AND c.relkind = 'r' AND a.attnum > 0 AND a.attname IN (
                'migration_file', 'checksum', 'type_name', 'type_kind', 'table_name', 'function_name', 'signature',
                'return_type', 'body_checksum', 'source_file', 'change_type', 'object_name'
            )
            AND a.atttypid = 'pg_catalog.varchar'::regtype::oid AND a.atttypmod >= 0
    LOOP
        BEGIN
            EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I TYPE varchar', narrow.relation, narrow.name);
        EXCEPTION WHEN feature_not_supported THEN
            NULL;
        END;
    END LOOP;
END
