CREATE FUNCTION f(a bigint) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN a; END $$;
