CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)) PARTITION BY LIST (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
COMMENT ON INDEX p1_pkey IS 'of the first';
CREATE INDEX p_b ON p (b);
ALTER INDEX p1_b_idx SET (fillfactor = 70);
