CREATE TABLE u (id integer PRIMARY KEY);
CREATE TABLE t (
    id integer PRIMARY KEY,
    m integer CHECK (m > 1) CHECK (m < 99),
    p integer REFERENCES u ON DELETE CASCADE
);
