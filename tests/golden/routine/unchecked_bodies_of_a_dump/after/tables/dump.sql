SET check_function_bodies = false;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id integer);
CREATE FUNCTION shop.total() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM orders $$;
CREATE FUNCTION shop.gone() RETURNS bigint LANGUAGE sql AS $$ SELECT sum(id) FROM shop.former $$;
CREATE FUNCTION shop.added() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE former lost; BEGIN RETURN 1; END $$;
