INSERT INTO t (id, n) VALUES (1, 1), (2, 2);
