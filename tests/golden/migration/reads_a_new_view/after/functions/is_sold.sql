CREATE FUNCTION is_sold(amount int) RETURNS boolean LANGUAGE sql AS 'SELECT amount > 0';
