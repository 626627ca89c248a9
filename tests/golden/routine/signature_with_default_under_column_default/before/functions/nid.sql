CREATE FUNCTION nid() RETURNS text LANGUAGE sql AS $$ SELECT 'a'::text $$;
