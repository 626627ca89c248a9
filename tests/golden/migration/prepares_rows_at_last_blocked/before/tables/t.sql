CREATE TABLE t (id int PRIMARY KEY, filled text, shrunk text, widened int, other text, "Fresh" int);
