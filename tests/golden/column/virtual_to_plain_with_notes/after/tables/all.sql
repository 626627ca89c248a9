CREATE TABLE room (
    price numeric,
    gross numeric
);
COMMENT ON COLUMN room.gross IS 'with tax';
GRANT SELECT (gross) ON room TO PUBLIC;
