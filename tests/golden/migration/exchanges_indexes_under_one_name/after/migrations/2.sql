CREATE INDEX tb_new ON t (b, a);
DROP INDEX tb;
ALTER INDEX tb_new RENAME TO tb;
