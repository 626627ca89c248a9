CREATE TYPE c AS (a int, b bigint);
CREATE TABLE t (a int, g int GENERATED ALWAYS AS ((ROW(a, 1)::c).b) STORED);
