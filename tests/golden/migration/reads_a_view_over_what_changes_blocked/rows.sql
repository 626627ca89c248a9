INSERT INTO orders VALUES (1, 1, 5), (2, 1, 15), (3, 2, 7);
