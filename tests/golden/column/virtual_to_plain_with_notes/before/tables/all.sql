CREATE TABLE room (
    price numeric,
    gross numeric GENERATED ALWAYS AS (price * 1.07) VIRTUAL
);
COMMENT ON COLUMN room.gross IS 'with tax';
GRANT SELECT (gross) ON room TO PUBLIC;
