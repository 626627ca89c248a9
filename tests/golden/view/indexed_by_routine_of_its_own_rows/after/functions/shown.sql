CREATE FUNCTION shown(m mv) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT m.a || m.b $$;
