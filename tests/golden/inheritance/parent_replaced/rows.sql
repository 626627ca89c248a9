INSERT INTO parent DEFAULT VALUES;
INSERT INTO child (area) VALUES ('((0,0),(1,1),(1,0))'), (NULL);
