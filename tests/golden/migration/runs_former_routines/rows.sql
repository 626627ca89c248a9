INSERT INTO t VALUES (1, 'Ann', 'a'); INSERT INTO untouched VALUES (1, 'x');
