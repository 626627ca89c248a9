-- stonegate: allow modify_column_type t.amount
ALTER TABLE t ALTER COLUMN amount DROP DEFAULT, ALTER COLUMN amount TYPE text USING amount::text;
