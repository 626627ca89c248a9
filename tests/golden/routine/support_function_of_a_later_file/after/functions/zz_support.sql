CREATE FUNCTION zz_support(internal) RETURNS internal LANGUAGE internal IMMUTABLE STRICT
    AS 'generate_series_int4_support';
