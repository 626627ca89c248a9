ALTER OPERATOR FAMILY mixed USING btree ADD
    OPERATOR 3 === (integer, text),
    FUNCTION 1 (integer, text) other_order(integer, text);
CREATE OPERATOR FAMILY mixed USING btree;
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = text, FUNCTION = same);
