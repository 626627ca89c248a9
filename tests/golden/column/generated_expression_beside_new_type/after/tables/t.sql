CREATE TABLE t (a text, b int, c int GENERATED ALWAYS AS (b + 2) STORED, UNIQUE (a, b));
CREATE INDEX t_a ON t (a) WHERE c > 0;
