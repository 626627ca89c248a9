CREATE TABLE t (id int PRIMARY KEY, rounded numeric(10,1), compared int, widened bigint, "Fresh" int);
