INSERT INTO t VALUES ('b', 'x'), ('A', NULL);
