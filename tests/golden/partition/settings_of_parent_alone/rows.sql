INSERT INTO measure VALUES ('2024-03-04', 1, 'a');
