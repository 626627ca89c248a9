INSERT INTO t VALUES (1, ROW(1, 'x'), '{}', NULL, 'a');
