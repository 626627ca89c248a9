INSERT INTO t VALUES ('a', '{}');
