INSERT INTO kinds VALUES ('a'), ('b');
