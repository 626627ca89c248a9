CREATE FUNCTION f(a integer, b text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN a; END $$;
