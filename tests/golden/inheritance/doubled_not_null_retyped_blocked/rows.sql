INSERT INTO staff VALUES (1, 'x', 5);
