INSERT INTO plain VALUES (5, 1);
INSERT INTO counted (x) VALUES (1), (2);
