CREATE TABLE t (
    id int PRIMARY KEY, filled text NOT NULL, shrunk varchar(3), other text NOT NULL, small int,
    amount numeric(8,2), added int NOT NULL
);
