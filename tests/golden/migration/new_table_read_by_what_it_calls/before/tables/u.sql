CREATE TABLE u (id integer, n integer);
