-- stonegate: allow modify_column_type
ALTER TABLE t ALTER COLUMN amount TYPE numeric;
