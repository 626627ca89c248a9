-- stonegate: no-transaction
ALTER TABLE job RENAME COLUMN state TO status;
ALTER TABLE man RENAME TO worker;
