CREATE OR REPLACE FUNCTION search_medicines(p_name TEXT)
RETURNS TABLE (id INT, name TEXT, strength TEXT, nearness REAL) AS $$
BEGIN
    RETURN QUERY
    SELECT m.id, m.name, m.strength::TEXT, similarity(m.name_key, search_key(p_name)) AS near
    FROM medicines m
    WHERE m.name_key % search_key(p_name) OR m.name_key LIKE search_key(p_name) || '%'
    ORDER BY near DESC, m.id;
END;
$$ LANGUAGE plpgsql STABLE;
