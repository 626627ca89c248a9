CREATE FUNCTION code(item items) RETURNS text LANGUAGE sql RETURN 'no. ' || item.id;
CREATE FUNCTION code(part spare_parts) RETURNS text LANGUAGE sql RETURN 'no. ' || part.id;
