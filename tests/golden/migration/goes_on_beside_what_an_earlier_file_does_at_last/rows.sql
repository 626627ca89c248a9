INSERT INTO job VALUES (1, 'new', 7);
