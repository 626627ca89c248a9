CREATE FUNCTION compared(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT b - a';
CREATE FUNCTION greater(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a > b';
