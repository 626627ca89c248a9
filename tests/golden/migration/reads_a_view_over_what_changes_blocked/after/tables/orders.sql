CREATE TABLE orders (id int PRIMARY KEY, buyer int NOT NULL, amount bigint);
