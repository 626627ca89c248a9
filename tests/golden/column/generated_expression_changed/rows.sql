INSERT INTO t (id, gone) VALUES (1,0),(2,0),(3,1);
