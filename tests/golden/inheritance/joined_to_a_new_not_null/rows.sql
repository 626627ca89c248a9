INSERT INTO places VALUES ('Elba'); INSERT INTO cities VALUES ('Graz');
