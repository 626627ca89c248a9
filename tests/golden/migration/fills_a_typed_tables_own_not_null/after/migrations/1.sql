UPDATE t SET b = 3;
UPDATE t2 SET d = 'z';
