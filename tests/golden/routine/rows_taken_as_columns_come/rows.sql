INSERT INTO items VALUES (1, 10), (2, 20);
INSERT INTO spare_parts VALUES (1, 10);
