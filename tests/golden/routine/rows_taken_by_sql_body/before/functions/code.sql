CREATE FUNCTION code(item items) RETURNS text LANGUAGE sql RETURN 'no. ' || item.id;
COMMENT ON FUNCTION code(items) IS 'a column that is computed';
CREATE FUNCTION count_all(VARIADIC listed items[]) RETURNS integer LANGUAGE sql RETURN cardinality(listed);
