CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN a; END $$;
COMMENT ON FUNCTION f(int) IS 'echo';
