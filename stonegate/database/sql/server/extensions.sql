-- What the server offers of extensions, in their default versions.
SELECT e.name::text AS name, e.default_version AS default_version
FROM pg_catalog.pg_available_extensions AS e
ORDER BY e.name
