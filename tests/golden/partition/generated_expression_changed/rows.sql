INSERT INTO p (a, k) VALUES (1, 1);
