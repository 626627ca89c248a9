CREATE FUNCTION same(a character varying, b character varying) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT a = b $$;
CREATE FUNCTION compare(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT btint4cmp(a, b) $$;
CREATE OPERATOR === (LEFTARG = character varying, RIGHTARG = character varying, FUNCTION = same);
CREATE OPERATOR FAMILY by_number USING btree;
CREATE OPERATOR FAMILY moved USING btree;
CREATE OPERATOR CLASS numbers FOR TYPE int USING btree FAMILY by_number AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 compare(int, int);
