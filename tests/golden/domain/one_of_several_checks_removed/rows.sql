INSERT INTO t VALUES (1, 5, ARRAY[5]::inner_d[]);
