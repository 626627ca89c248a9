-- True if nobody but who may do all that the session may can have put code of his own into the tracking tables, or can put
-- other tables in their place.
SELECT [[trusts_makers]]
FROM pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
