-- How a table stands to another one that it was a partition of: attached, pending (DETACH … CONCURRENTLY was
-- interrupted), or none any more; no row if one of them does not exist.
SELECT CASE WHEN i.inhrelid IS NULL THEN 'none' WHEN i.inhdetachpending THEN 'pending' ELSE 'attached' END
FROM (SELECT pg_catalog.to_regclass(%s)::oid AS partition, pg_catalog.to_regclass(%s)::oid AS parent) AS named
LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = named.partition AND i.inhparent = named.parent
WHERE named.partition IS NOT NULL AND named.parent IS NOT NULL
