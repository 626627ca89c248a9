INSERT INTO t VALUES (1, 'there', 'one', 'here', 1);
