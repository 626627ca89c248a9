INSERT INTO goods VALUES (1, 'x');
