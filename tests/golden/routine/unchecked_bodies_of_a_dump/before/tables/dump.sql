SET check_function_bodies = false;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id integer);
CREATE FUNCTION shop.total() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM orders $$;
CREATE FUNCTION shop.gone() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM shop.former $$;
