CREATE TYPE r AS (a int, b text, c date);
CREATE TABLE t OF r (PRIMARY KEY (a), CHECK (b <> ''));
