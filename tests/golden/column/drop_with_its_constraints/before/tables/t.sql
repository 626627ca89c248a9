CREATE TABLE g (id int PRIMARY KEY);
CREATE TABLE t (
    id int PRIMARY KEY,
    code text UNIQUE,
    g_id int REFERENCES g,
    n int CHECK (n > 0),
    a int,
    b int,
    UNIQUE (a, b),
    CHECK (a < b)
);
