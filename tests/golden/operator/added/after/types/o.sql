CREATE OPERATOR <=> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = backwards);
CREATE OPERATOR CLASS backwards FOR TYPE integer USING btree AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 backwards(integer, integer);
ALTER OPERATOR FAMILY backwards USING btree ADD
    OPERATOR 1 > (integer, smallint), FUNCTION 1 (integer, smallint) btint42cmp(integer, smallint);
COMMENT ON OPERATOR CLASS backwards USING btree IS 'from high to low';
