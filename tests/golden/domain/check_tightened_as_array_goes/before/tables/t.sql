CREATE TABLE t (id int PRIMARY KEY, e em, es em[], ns nn[]);
