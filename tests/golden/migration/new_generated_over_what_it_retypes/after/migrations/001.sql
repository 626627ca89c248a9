-- stonegate: allow modify_column_type
ALTER TABLE t ALTER COLUMN n TYPE text;
UPDATE t SET k = 3;
