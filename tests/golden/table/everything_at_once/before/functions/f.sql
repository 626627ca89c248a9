CREATE OR REPLACE FUNCTION changed(i integer, t text[]) RETURNS TABLE(a text, c integer) AS $$
 declare BEGIN select 'no', 1; END; $$ LANGUAGE PLPGSQL STABLE returns null on null input security definer;
CREATE OR REPLACE FUNCTION public.depends_on_vvv(t text) RETURNS text LANGUAGE sql AS 'select t';
