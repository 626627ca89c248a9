-- What the server offers of extensions. `trusted`: whoever may create in the database may install it (manual 38.17.1).
SELECT e.name::text, e.default_version AS default_version,
    coalesce(bool_or(v.superuser AND NOT v.trusted) FILTER (WHERE v.version = e.default_version), false) AS untrusted,
    array_agg(v.version ORDER BY v.version) AS versions
FROM pg_catalog.pg_available_extensions AS e
JOIN pg_catalog.pg_available_extension_versions AS v USING (name)
GROUP BY e.name, e.default_version
ORDER BY e.name
