INSERT INTO thing VALUES ('a', 1, 2);
