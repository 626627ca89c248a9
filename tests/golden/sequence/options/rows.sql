INSERT INTO t VALUES (1,'a',10),(2,'b',20),(3,'c',NULL);
SELECT nextval('used');
INSERT INTO i (name) VALUES ('a');
