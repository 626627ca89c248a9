INSERT INTO devices VALUES (1, 'cellar'), (2, 'roof');
