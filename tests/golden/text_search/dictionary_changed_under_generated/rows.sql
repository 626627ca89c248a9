INSERT INTO page VALUES (1, 'the dog'), (2, NULL);
