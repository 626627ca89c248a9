CREATE TABLE t (
    code text PRIMARY KEY,
    upper text GENERATED ALWAYS AS (upper(code)) STORED,
    rank int NOT NULL DEFAULT 0,
    size int NOT NULL DEFAULT 1,
    "Area" int GENERATED ALWAYS AS (rank * size) STORED,
    note text
);
