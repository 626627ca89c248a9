CREATE TABLE t (
    code text PRIMARY KEY,
    area int GENERATED ALWAYS AS (rank * "Size") STORED,
    rank int NOT NULL DEFAULT 2,
    "Size" int NOT NULL DEFAULT 3
);
