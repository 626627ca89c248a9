CREATE TABLE t (n int NOT NULL, h int GENERATED ALWAYS AS (half(n)) STORED);
CREATE INDEX t_half ON t (half(n));
