INSERT INTO t (id, n, old) VALUES (1, 5, 'x');
