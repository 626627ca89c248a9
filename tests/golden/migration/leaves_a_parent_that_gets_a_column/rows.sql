INSERT INTO base VALUES (1, 'a'); INSERT INTO kid VALUES (2, 'b', 3);
