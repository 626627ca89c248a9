INSERT INTO t VALUES (1, int4range(1,2), 1, 2);
