INSERT INTO u VALUES (1, 'a@b', 'c@d'), (2, NULL, NULL);
