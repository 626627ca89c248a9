-- stonegate: no-transaction
UPDATE job SET state = 'old' WHERE state = 'new';
