CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN a; END $$;
CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer);
