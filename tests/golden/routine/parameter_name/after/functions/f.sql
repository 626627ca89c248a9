CREATE FUNCTION f(b integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN b; END $$;
