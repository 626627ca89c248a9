UPDATE t SET amount = amount;
ALTER TABLE t ALTER COLUMN amount TYPE bigint;
