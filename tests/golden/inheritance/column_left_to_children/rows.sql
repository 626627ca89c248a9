INSERT INTO child VALUES (1, 2, 3, 4);
INSERT INTO grandchild VALUES (5, 6, 7, 8);
