CREATE TABLE shops OF point_of_sale (seats DEFAULT 7 CHECK (seats > 3), code UNIQUE) WITH (fillfactor = 70);
COMMENT ON COLUMN shops.seats IS 'at the tables outside, too';
