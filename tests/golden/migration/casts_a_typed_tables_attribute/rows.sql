INSERT INTO people VALUES (1, '5'), (2, '6');
