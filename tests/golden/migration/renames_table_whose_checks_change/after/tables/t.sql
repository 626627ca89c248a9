CREATE TABLE u (id integer PRIMARY KEY, n integer CHECK (n > 1), o integer CHECK (o <> n + 1));
