CREATE FUNCTION f(nights int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE TABLE room (no text PRIMARY KEY);
CREATE TABLE stay (
    room text CONSTRAINT stay_where REFERENCES room,
    nights int CONSTRAINT some_nights CHECK (f(nights) > 0)
);
CREATE INDEX length_of_stay ON stay (f(nights));
COMMENT ON CONSTRAINT stay_where ON stay IS 'where';
