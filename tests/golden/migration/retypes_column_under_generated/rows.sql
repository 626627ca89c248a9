INSERT INTO t (id, amount) VALUES (1, 5), (2, 7);
