INSERT INTO t VALUES (1, 'there', 'four', 'here', 1);
