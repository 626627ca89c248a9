CREATE TABLE t (a varchar(9), b int, c int GENERATED ALWAYS AS (b + 1) STORED, UNIQUE (a, b));
CREATE INDEX t_a ON t (a) WHERE c > 0;
