INSERT INTO b VALUES (1, 'one'), (2, 'two');
