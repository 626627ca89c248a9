INSERT INTO p SELECT i, i FROM generate_series(1, 9) i;
ALTER INDEX p1_pkey SET (fillfactor = 33);
ALTER INDEX p1_a_idx SET (fillfactor = 44);
