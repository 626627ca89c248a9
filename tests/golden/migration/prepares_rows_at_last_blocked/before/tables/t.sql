CREATE TABLE t (id int PRIMARY KEY, rounded numeric(10,2), compared text, widened int, "Fresh" int);
