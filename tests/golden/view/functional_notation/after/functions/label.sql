CREATE FUNCTION label(one t) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT one.id || one.name';
