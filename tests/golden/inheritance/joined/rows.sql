INSERT INTO clicks VALUES (1, now(), 'home'), (2, NULL, NULL);
INSERT INTO events VALUES (3, now());
