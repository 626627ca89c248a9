CREATE TABLE t (a bigint NOT NULL, b text NOT NULL) WITH (fillfactor = 60, toast.autovacuum_enabled = off); CREATE UNIQUE INDEX t_ab ON t (b, a); ALTER TABLE t REPLICA IDENTITY USING INDEX t_ab;
