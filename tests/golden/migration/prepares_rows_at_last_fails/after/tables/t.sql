CREATE TABLE t (
    id int PRIMARY KEY, filled text NOT NULL, shrunk varchar(3), other text NOT NULL, small int, added int NOT NULL
);
