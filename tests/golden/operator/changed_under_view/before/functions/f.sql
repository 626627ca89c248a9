CREATE FUNCTION add2(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE total(integer) (SFUNC = add2, STYPE = integer, INITCOND = '0');
CREATE OPERATOR |+| (LEFTARG = integer, RIGHTARG = integer, FUNCTION = add2);
