INSERT INTO t VALUES (1, '<a>1</a>', '<b/>'), (2, '<rows/>', NULL);
