CREATE TYPE tt AS (a bigint, b text, d numeric); CREATE TABLE t OF tt; CREATE VIEW v AS SELECT * FROM t; CREATE INDEX ti ON t (b, d);
