INSERT INTO t SELECT i, i FROM generate_series(1, 25, 6) AS i;
