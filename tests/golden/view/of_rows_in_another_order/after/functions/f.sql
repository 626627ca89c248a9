CREATE FUNCTION rows_of_t() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM public.t';
CREATE FUNCTION greatest_a() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT max(a) FROM rows_of_t(); END;
CREATE FUNCTION some_of_t(lowest int) RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM public.t WHERE a >= lowest';
