CREATE UNIQUE INDEX users_email_key ON users (email); INSERT INTO users VALUES (1, 'a');
