INSERT INTO users VALUES ('a@b', 5);
