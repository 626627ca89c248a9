SELECT classoid AS cls, objoid AS object, objsubid AS number, description AS text
FROM pg_catalog.pg_description
WHERE objoid >= 16384
