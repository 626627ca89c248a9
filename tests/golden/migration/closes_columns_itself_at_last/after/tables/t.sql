CREATE TABLE t (id int PRIMARY KEY, filled text NOT NULL, shrunk varchar(3), added int NOT NULL);
