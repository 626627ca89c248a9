CREATE TABLE orders (id int PRIMARY KEY, status text REFERENCES statuses);
COMMENT ON CONSTRAINT orders_status_fkey ON orders IS 'Known ones only';
