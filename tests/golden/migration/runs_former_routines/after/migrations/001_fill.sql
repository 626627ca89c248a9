UPDATE t SET name = fill(name);
CREATE OR REPLACE FUNCTION told(x text) RETURNS text LANGUAGE sql AS $$ SELECT 'told: ' || x $$;
UPDATE t SET kind = told(kind);
