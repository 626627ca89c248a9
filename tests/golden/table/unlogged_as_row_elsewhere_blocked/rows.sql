INSERT INTO goods VALUES (1, 'x');
INSERT INTO history SELECT '2024-01-01', goods FROM goods;
