CREATE TABLE bookings (
    id int PRIMARY KEY,
    "Date" date CONSTRAINT late CHECK ("Date" > '2000-01-01'::date),
    amount int CONSTRAINT paid CHECK (amount >= 0),
    chamber int,
    UNIQUE (chamber, "Date", amount)
);
CREATE INDEX by_room ON bookings (chamber) WHERE amount > 20;
CREATE INDEX by_price ON bookings (amount);
