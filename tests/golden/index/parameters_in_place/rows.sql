INSERT INTO t VALUES (1, 'one', 10), (2, 'two', 20); INSERT INTO p VALUES (3);
