INSERT INTO t (id, s, former, n) VALUES (1, 'new', 'open', 1), (2, 'done', 'new', 2), (3, 'new', NULL, 3);
