CREATE TYPE q AS (a bigint, b text, d int);
CREATE TABLE t OF q (PRIMARY KEY (a), CHECK (b <> ''), CHECK (d > 0));
