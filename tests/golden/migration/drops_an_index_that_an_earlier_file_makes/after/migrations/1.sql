CREATE INDEX scratch ON job (lower(state));
UPDATE job SET state = 'old' WHERE lower(state) = 'new';
