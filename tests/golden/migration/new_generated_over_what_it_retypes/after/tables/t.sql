CREATE TABLE t (id integer PRIMARY KEY, n text, k integer CHECK (k > 0 OR n <> 'x'), v integer GENERATED ALWAYS AS (length(n)) STORED);
