CREATE TYPE point_of_sale AS (id integer);
