-- stonegate: no-transaction
UPDATE t SET "Fresh" = 1, widened = 1 WHERE rounded < 1;
DELETE FROM t WHERE compared = 'x';
