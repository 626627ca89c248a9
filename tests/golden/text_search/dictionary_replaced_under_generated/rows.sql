INSERT INTO page VALUES (1, 'the words');
