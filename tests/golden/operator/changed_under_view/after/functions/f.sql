CREATE FUNCTION add2(a integer, b integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE AGGREGATE total(integer) (SFUNC = add2, STYPE = integer, INITCOND = '5');
CREATE OPERATOR |+| (LEFTARG = integer, RIGHTARG = integer, FUNCTION = add2, COMMUTATOR = |+|);
