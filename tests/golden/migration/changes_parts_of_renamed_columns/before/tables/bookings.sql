CREATE TABLE bookings (
    id int PRIMARY KEY,
    day date CONSTRAINT late CHECK (day > '2000-01-01'::date),
    price int CONSTRAINT paid CHECK (price > 0),
    room int,
    UNIQUE (room, day)
);
CREATE INDEX by_room ON bookings (room) WHERE price > 10;
CREATE INDEX by_price ON bookings (price);
