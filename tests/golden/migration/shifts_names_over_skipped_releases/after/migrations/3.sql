UPDATE c SET y = y + 0;
UPDATE b SET x = x + 0;
