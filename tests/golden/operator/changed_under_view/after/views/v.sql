CREATE VIEW v AS SELECT total(x) AS t, 1 |+| 2 AS u FROM generate_series(1, 3) AS x;
