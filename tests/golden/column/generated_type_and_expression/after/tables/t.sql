CREATE TABLE t (id int PRIMARY KEY, a int, b text GENERATED ALWAYS AS (a::text || 'x') STORED);
CREATE INDEX t_b ON t (b);
