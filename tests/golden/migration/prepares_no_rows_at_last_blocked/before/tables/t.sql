CREATE TABLE t (id int PRIMARY KEY, filled text, shrunk text, other text, small bigint, amount numeric(10,2));
