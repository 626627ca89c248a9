UPDATE u SET n = 3;
INSERT INTO t (id, n) SELECT id, n FROM u;
