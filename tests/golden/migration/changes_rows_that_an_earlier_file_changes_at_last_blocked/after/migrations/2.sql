UPDATE job SET state = 'done' WHERE state = 'old';
