CREATE TABLE t (
    id int PRIMARY KEY, filled text NOT NULL, shrunk varchar(3), widened bigint, other text NOT NULL, "Fresh" int,
    added int NOT NULL
);
