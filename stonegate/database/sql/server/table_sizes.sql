-- How many bytes tables have on disk, by the names that they were asked for under: with their indexes and TOAST tables,
-- and with their partitions and children, which ALTER TABLE goes down to. A partitioned table itself has none.
-- Asked for by a type are those with columns of it or of domains over it, which ALTER DOMAIN reads, and those of the type.
WITH RECURSIVE type (oid) AS (
    SELECT pg_catalog.to_regtype(name)::oid FROM unnest(%(types)s::text[]) AS name
    UNION
    SELECT t.oid FROM type JOIN pg_catalog.pg_type AS t ON t.typbasetype = type.oid AND t.typtype = 'd'
), holder (oid) AS (
    SELECT a.attrelid FROM type JOIN pg_catalog.pg_attribute AS a ON a.atttypid = type.oid
    WHERE NOT a.attisdropped AND a.attinhcount = 0
    UNION
    SELECT c.oid FROM type JOIN pg_catalog.pg_class AS c ON c.reloftype = type.oid
), below (name, oid) AS (
    SELECT name, pg_catalog.to_regclass(name)::oid FROM unnest(%(tables)s::text[]) AS name
    UNION
    SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.oid
    FROM holder JOIN pg_catalog.pg_class AS c ON c.oid = holder.oid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm')
    UNION
    SELECT below.name, i.inhrelid FROM below JOIN pg_catalog.pg_inherits AS i ON i.inhparent = below.oid
)
SELECT name, sum(pg_catalog.pg_total_relation_size(oid))::bigint FROM below WHERE oid IS NOT NULL GROUP BY name
