-- The key holds the partition, the others the type of the column; all come back behind this.
ALTER TABLE lines DROP CONSTRAINT lines_order_id_placed_on_fkey;
ALTER TABLE orders DETACH PARTITION orders_rest;
CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
ALTER TABLE orders ATTACH PARTITION orders_rest DEFAULT;
DROP POLICY some_lines ON lines;
ALTER TABLE lines DROP CONSTRAINT positive;
ALTER TABLE lines ALTER quantity TYPE bigint;
