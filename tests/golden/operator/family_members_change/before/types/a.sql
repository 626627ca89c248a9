ALTER OPERATOR FAMILY mixed USING btree ADD
    OPERATOR 1 <<< (integer, text),
    OPERATOR 3 === (integer, text),
    FUNCTION 1 (integer, text) order_of(integer, text);
CREATE OPERATOR FAMILY mixed USING btree;
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = text, FUNCTION = same);
CREATE OPERATOR <<< (LEFTARG = integer, RIGHTARG = text, FUNCTION = same);
ALTER OPERATOR === (integer, text) SET (RESTRICT = estimate);
