-- stonegate: run-on-fresh
CREATE PUBLICATION outward FOR TABLE t (id, n) WHERE (n > 1);
