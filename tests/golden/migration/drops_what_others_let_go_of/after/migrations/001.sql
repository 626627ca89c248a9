-- stonegate: allow drop_table a
INSERT INTO n SELECT id FROM a WHERE id > 1;
DROP TABLE a;
