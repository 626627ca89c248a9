CREATE TABLE t (
    id int PRIMARY KEY,
    a int CONSTRAINT a_is_there NOT NULL,
    b int CONSTRAINT b_is_there NOT NULL
);
