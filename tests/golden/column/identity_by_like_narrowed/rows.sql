INSERT INTO t (name) VALUES ('a');
INSERT INTO u (name) VALUES ('b');
