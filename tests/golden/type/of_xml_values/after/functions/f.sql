CREATE FUNCTION first_of(xml) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT (xpath('/b/text()', $1))[1]::text $$;
CREATE FUNCTION elements() RETURNS SETOF xml LANGUAGE sql BEGIN ATOMIC SELECT xmlelement(name e, id) FROM t; END;
