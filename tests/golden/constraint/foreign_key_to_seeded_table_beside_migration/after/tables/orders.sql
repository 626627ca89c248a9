CREATE TABLE orders (id int PRIMARY KEY, status text NOT NULL DEFAULT 'open' REFERENCES statuses);
COMMENT ON CONSTRAINT orders_status_fkey ON orders IS 'Known ones only';
