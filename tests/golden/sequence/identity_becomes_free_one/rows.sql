INSERT INTO bill (total) VALUES (1), (2), (3);
DELETE FROM bill WHERE no = 3;
