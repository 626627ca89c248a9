ALTER OPERATOR === (character varying, character varying) SET SCHEMA lib;
ALTER OPERATOR CLASS numbers USING btree RENAME TO ints;
ALTER OPERATOR FAMILY by_number USING btree RENAME TO by_int;
ALTER OPERATOR FAMILY moved USING btree SET SCHEMA lib;
