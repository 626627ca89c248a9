INSERT INTO t VALUES (1, '7', 'some', 'any');
