-- stonegate: allow drop_column t.amount
ALTER TABLE t DROP COLUMN amount;
