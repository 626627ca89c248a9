CREATE TABLE measure (at date NOT NULL, site integer, value text, PRIMARY KEY (at, site)) PARTITION BY RANGE (at);
CREATE INDEX measure_value ON measure (value);
CREATE TABLE measure_2024 PARTITION OF measure FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
ALTER INDEX measure_2024_pkey SET (deduplicate_items = off);
