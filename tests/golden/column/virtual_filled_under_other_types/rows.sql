INSERT INTO prices VALUES (1, 10, 2), (2, 20, 3); INSERT INTO old_prices VALUES (3, 30, 4);
