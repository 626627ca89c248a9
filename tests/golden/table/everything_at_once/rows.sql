INSERT INTO orders VALUES (1, 'a', 'shipped');
INSERT INTO products (product_no, name, price) VALUES (1, 'p', 30);
