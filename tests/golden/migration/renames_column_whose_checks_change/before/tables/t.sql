CREATE TABLE u (id integer PRIMARY KEY);
CREATE TABLE t (
    id integer PRIMARY KEY,
    n integer CHECK (n > 0) CHECK (n < 100),
    o integer REFERENCES u
);
