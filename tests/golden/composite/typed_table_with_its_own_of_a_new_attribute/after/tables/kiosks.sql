CREATE SEQUENCE kiosk_seats;
CREATE TABLE kiosks OF point_of_sale (seats DEFAULT nextval('kiosk_seats'), code DEFAULT 'none');
ALTER SEQUENCE kiosk_seats OWNED BY kiosks.seats;
