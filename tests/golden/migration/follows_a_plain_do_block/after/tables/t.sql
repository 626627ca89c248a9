CREATE TABLE u (id int PRIMARY KEY, b int CHECK (b > 0), z bigint, c int NOT NULL);
CREATE INDEX t_a ON u (b);
CREATE TABLE w2 (id int);
