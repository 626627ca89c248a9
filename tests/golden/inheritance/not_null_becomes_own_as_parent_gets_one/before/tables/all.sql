CREATE TABLE t (a int, b text) PARTITION BY RANGE (a);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100);
CREATE TABLE animal (id int, name text);
CREATE TABLE dog (name text) INHERITS (animal);
