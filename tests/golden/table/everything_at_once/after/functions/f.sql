CREATE OR REPLACE FUNCTION changed(i integer, t text[]) RETURNS TABLE(a text, c integer) AS $$
 declare BEGIN select 'no', 1; END; $$ LANGUAGE PLPGSQL VOLATILE returns null on null input security definer;
CREATE FUNCTION public.depends_on_vvv(t text) RETURNS TABLE(i integer) LANGUAGE sql AS 'select product_no from vvv';
CREATE FUNCTION newfunc(i integer, t text[]) RETURNS TABLE(a text, c integer) AS $$ BEGIN select 'no', 1; END; $$ LANGUAGE PLPGSQL STABLE returns null on null input security invoker;
