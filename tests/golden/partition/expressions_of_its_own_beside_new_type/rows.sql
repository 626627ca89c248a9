INSERT INTO p (k, a) VALUES (1, 2), (5, 6);
