CREATE TABLE bill (
    day date,
    total int CONSTRAINT positive CHECK (total > 0) CONSTRAINT small CHECK (total < 200)
) PARTITION BY RANGE (day);
CREATE TABLE bill_old PARTITION OF bill FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (total);
CREATE TABLE bill_rest PARTITION OF bill_old DEFAULT;
