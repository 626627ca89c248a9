CREATE FUNCTION numbers(int, int) RETURNS SETOF int LANGUAGE internal IMMUTABLE STRICT SUPPORT zz_support
    AS 'generate_series_int4';
