CREATE TABLE totals (customer int PRIMARY KEY, amount bigint);
