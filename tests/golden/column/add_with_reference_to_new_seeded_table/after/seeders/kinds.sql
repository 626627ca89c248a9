INSERT INTO kinds VALUES (1, 'web', NULL), (2, 'shop', 1);
