INSERT INTO users (email, n) VALUES ('x', 1); INSERT INTO posts VALUES (1, 1);
