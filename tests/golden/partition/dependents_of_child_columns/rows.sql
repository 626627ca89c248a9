INSERT INTO p (id, k, n, gone) VALUES (1, 1, 5, 6);
INSERT INTO c (id, n, gone, x, y) VALUES (1, 7, 8, 9, 2);
