CREATE FUNCTION first_of(xml) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT (xpath('/a/text()', $1))[1]::text $$;
