INSERT INTO p SELECT n, n, 1 + n % 2 FROM generate_series(1, 6) AS n;
