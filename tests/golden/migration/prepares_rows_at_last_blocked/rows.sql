INSERT INTO t VALUES (1, NULL, 'four', 1, 'here', 1);
