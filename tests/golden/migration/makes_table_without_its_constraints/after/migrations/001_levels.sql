CREATE TABLE levels (id int PRIMARY KEY, level int NOT NULL, top int DEFAULT 9, span int4range, CHECK (level <= top));
INSERT INTO levels (id, level) SELECT id, level FROM users;
