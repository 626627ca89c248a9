-- stonegate: allow modify_column_type
ALTER TABLE a ALTER COLUMN id TYPE text;
ALTER TABLE b ALTER COLUMN a TYPE text;
