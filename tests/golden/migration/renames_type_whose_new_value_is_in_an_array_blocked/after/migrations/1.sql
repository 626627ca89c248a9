ALTER TYPE state RENAME TO status;
UPDATE job SET s = '{}' WHERE s IS NULL;
