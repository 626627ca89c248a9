CREATE TABLE p (id integer, v integer) PARTITION BY LIST (id);
