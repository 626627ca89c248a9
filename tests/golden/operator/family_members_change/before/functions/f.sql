CREATE FUNCTION same(integer, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2';
CREATE FUNCTION order_of(integer, text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE FUNCTION estimate(internal, oid, internal, integer) RETURNS double precision
    LANGUAGE internal STABLE STRICT AS 'eqsel';
