-- stonegate: no-transaction
UPDATE t SET filled = 'x' WHERE filled IS NULL;
UPDATE t SET shrunk = left(shrunk, 3), widened = 1 WHERE other IS NULL;
UPDATE t SET added = 1;
