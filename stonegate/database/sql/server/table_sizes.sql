-- How many bytes tables have on disk, by the names that they were asked for under: with their indexes and TOAST tables,
-- and with their partitions and children, which ALTER TABLE goes down to. A partitioned table itself has none.
WITH RECURSIVE below (name, oid) AS (
    SELECT name, pg_catalog.to_regclass(name)::oid FROM unnest(%s::text[]) AS name
    UNION
    SELECT below.name, i.inhrelid FROM below JOIN pg_catalog.pg_inherits AS i ON i.inhparent = below.oid
)
SELECT name, sum(pg_catalog.pg_total_relation_size(oid))::bigint FROM below WHERE oid IS NOT NULL GROUP BY name
