CREATE FUNCTION norm(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE TABLE item (name text);
CREATE INDEX item_name ON item (norm(name));
ALTER INDEX item_name ALTER COLUMN 1 SET STATISTICS 300;
