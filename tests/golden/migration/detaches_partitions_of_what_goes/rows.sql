INSERT INTO log VALUES ('2030-02-02', 1, 'a'), ('2031-02-02', 2, 'b');
