CREATE VIEW v AS SELECT f(3::bigint) AS x;
