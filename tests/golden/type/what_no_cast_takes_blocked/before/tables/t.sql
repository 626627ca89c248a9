CREATE TABLE t (
    id integer PRIMARY KEY,
    a int4multirange DEFAULT '{[1,2)}',
    b integer,
    c boolean[]
);
