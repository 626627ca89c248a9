CREATE FUNCTION f(a integer, b text DEFAULT 'x, (y)') RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN a; END $$;
