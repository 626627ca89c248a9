CREATE TABLE orders (id int PRIMARY KEY, status text, kind int NOT NULL DEFAULT 1 REFERENCES kinds);
