INSERT INTO t VALUES (1, NULL, 'shrunk'), (2, 'there', NULL);
