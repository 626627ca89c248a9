INSERT INTO c (x, z, n, y, w) VALUES (1, '2026-01-01', 2, 'y', 3);
INSERT INTO d (x, w) VALUES (4, 5);
