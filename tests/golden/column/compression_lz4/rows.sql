INSERT INTO t VALUES (1, repeat('a', 9000), repeat('b', 9000), jsonb_build_object('c', repeat('c', 9000)));
INSERT INTO child VALUES ('x');
