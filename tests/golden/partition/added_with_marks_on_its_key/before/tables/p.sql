CREATE TABLE p (id integer PRIMARY KEY, n integer CONSTRAINT p_n CHECK (n > 0)) PARTITION BY LIST (id);
