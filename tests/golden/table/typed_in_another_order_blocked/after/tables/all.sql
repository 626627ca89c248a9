CREATE TYPE q AS (b text, a int);
CREATE TABLE t OF q;
