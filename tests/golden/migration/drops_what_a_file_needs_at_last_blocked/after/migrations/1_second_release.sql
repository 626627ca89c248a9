-- stonegate: no-transaction
UPDATE job SET status = state WHERE id < 1000;
UPDATE job SET status = state WHERE id >= 1000;
INSERT INTO job SELECT id FROM former;
