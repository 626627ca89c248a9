CREATE FUNCTION f(s e) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM v $$;
COMMENT ON FUNCTION f(e) IS 'how many';
