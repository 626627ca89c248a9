CREATE FUNCTION same(integer, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2';
CREATE FUNCTION other_order(integer, text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 0';
