-- stonegate: no-transaction
UPDATE job SET n = 7 WHERE id = 1;
INSERT INTO note SELECT 'a' WHERE false;
VACUUM job;
DROP TABLE IF EXISTS scratch;
