CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE plpgsql AS $$ -- why
BEGIN /* x */ RETURN a; END $$;
