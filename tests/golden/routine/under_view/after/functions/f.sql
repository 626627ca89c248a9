CREATE FUNCTION f(a integer) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN a; END $$;
