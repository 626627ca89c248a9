CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE TABLE room (no int PRIMARY KEY);
CREATE TABLE stay (
    room int CONSTRAINT stay_room REFERENCES room,
    nights int CONSTRAINT stay_nights CHECK (f(nights) > 0)
);
CREATE INDEX stay_length ON stay (f(nights));
COMMENT ON CONSTRAINT stay_room ON stay IS 'where';
