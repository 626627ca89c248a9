CREATE FUNCTION is_new(state) RETURNS boolean LANGUAGE sql AS 'SELECT true';
