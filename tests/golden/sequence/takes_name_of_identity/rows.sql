INSERT INTO a (x) VALUES ('q'),('w');
