CREATE FUNCTION is_new(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
