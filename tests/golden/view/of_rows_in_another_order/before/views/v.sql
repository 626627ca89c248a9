CREATE VIEW plain AS SELECT * FROM rows_of_t();
CREATE VIEW numbered AS SELECT r.a, r.b, r.n FROM rows_of_t() WITH ORDINALITY AS r(x, a, b, n);
CREATE MATERIALIZED VIEW renamed AS SELECT q.k, q.l, q.m FROM t AS q(k, l, m);
CREATE VIEW nested AS SELECT r.b FROM some_of_t((SELECT max(s.a) FROM some_of_t(0) AS s)) AS r;
