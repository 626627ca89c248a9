-- Comments (manual: COMMENT).
SELECT classoid AS classid, objoid AS objid, objsubid AS number, description AS text
FROM pg_catalog.pg_description
WHERE objoid >= 16384
