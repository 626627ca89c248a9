INSERT INTO people VALUES (1, NULL, 7), (2, 1, 8);
