CREATE TABLE t (id bigint DEFAULT f(1::bigint), g int GENERATED ALWAYS AS (2) STORED);
