INSERT INTO shared VALUES (7, 1), (9, NULL);
INSERT INTO diary VALUES (1, 'a');
