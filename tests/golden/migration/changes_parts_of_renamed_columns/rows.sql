INSERT INTO bookings VALUES (1, '2020-01-01', 5, 3), (2, '2020-01-02', 50, 3);
