-- stonegate: no-transaction
UPDATE t SET filled = 'x' WHERE filled IS NULL;
UPDATE t SET shrunk = left(shrunk, 3) WHERE other IS NULL;
DELETE FROM t WHERE small > 3000000000;
DELETE FROM t WHERE amount > 999999;
UPDATE t SET added = 1;
