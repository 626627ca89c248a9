-- The change stamp if nothing but routines has moved since the deployment `latest`: their word is taken anew, as
-- change_stamp.sql does, the other one is that of then. A fresh session gets it in a tenth of the time.
SELECT pg_catalog.concat(pg_catalog.split_part(latest.stamp, ' ', 1), ' ', pg_catalog.md5(routines.sum::text))
FROM (
    SELECT pg_catalog.sum(pg_catalog.hashoidextended(oid, version::text::bigint + part)) AS sum
    FROM (
        SELECT oid, 0, xmin FROM pg_catalog.pg_proc WHERE oid >= '16384'
        UNION ALL
        SELECT objoid, objsubid, xmin FROM pg_catalog.pg_description
        WHERE objoid >= '16384' AND classoid = '1255'
    ) AS row (oid, part, version)
) AS routines
