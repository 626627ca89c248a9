-- stonegate: allow drop_column t.old
ALTER TABLE t DROP COLUMN old;
