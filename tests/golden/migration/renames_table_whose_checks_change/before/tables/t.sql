CREATE TABLE t (id integer PRIMARY KEY, n integer CHECK (n > 0), o integer CHECK (o <> n));
