INSERT INTO orders VALUES (1, 'open'), (2, NULL), (3, 'done');
