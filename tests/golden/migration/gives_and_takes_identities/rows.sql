INSERT INTO users VALUES (7, 'a'); INSERT INTO cards (name) VALUES ('a');
