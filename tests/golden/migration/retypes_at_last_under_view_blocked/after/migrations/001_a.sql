-- stonegate: no-transaction
ALTER TABLE t ALTER COLUMN n TYPE bigint;
