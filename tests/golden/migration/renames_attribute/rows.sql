INSERT INTO users VALUES (1, ROW('a', 'b')); INSERT INTO places VALUES ('a', 'b');
