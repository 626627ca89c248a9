CREATE FUNCTION last_of_b() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT last_value FROM b_id_seq; END;
