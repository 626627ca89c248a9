-- The same with all versions. `untrusted`: only a superuser may install it; a trusted one needs no more than CREATE on
-- the database (manual 38.17.1). The server reads every script directory for this: it takes several milliseconds.
SELECT e.name::text AS name, e.default_version AS default_version,
    coalesce(bool_or(v.superuser AND NOT v.trusted) FILTER (WHERE v.version = e.default_version), false) AS untrusted,
    array_agg(v.version ORDER BY v.version) AS versions
FROM pg_catalog.pg_available_extensions AS e
JOIN pg_catalog.pg_available_extension_versions AS v USING (name)
GROUP BY e.name, e.default_version
ORDER BY e.name
