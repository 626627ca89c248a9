CREATE TABLE t (
    id int PRIMARY KEY,
    a int,
    b int CONSTRAINT b_is_there NOT NULL
);
