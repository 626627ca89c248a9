-- stonegate: no-transaction
UPDATE job SET n = n + 1;
