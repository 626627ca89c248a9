CREATE TABLE t (
    id integer PRIMARY KEY,
    a int4range DEFAULT '[1,2)',
    b integer[],
    c boolean
);
