INSERT INTO users VALUES (1, 'a', 'a', 1, 1, 1, 1), (2, 'b', 'b', 1, 2, 2, 2); INSERT INTO posts VALUES (1);
