CREATE TABLE orders (
    id bigint,
    placed_on date,
    PRIMARY KEY (id, placed_on)
) PARTITION BY RANGE (placed_on);
CREATE TABLE orders_rest PARTITION OF orders DEFAULT;
CREATE TABLE lines (
    order_id bigint NOT NULL,
    placed_on date NOT NULL,
    quantity int NOT NULL CONSTRAINT positive CHECK (quantity > 0),
    FOREIGN KEY (order_id, placed_on) REFERENCES orders ON DELETE CASCADE
);
ALTER TABLE lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY some_lines ON lines USING (quantity < 100);
