CREATE TABLE u (id integer, n integer);
ALTER TABLE u ALTER n SET DEFAULT next_of_u();
