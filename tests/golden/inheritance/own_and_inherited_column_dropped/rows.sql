INSERT INTO c (id, b, z) VALUES (1, 2, 'x');
