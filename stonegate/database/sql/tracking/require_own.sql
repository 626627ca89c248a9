-- An error (22P02), which says why in the server's log, unless all tracking tables that there are belong to roles that may
-- do all that the session may.
SELECT CASE WHEN [[trusts_tables]] THEN true ELSE pg_catalog.concat(
    'stonegate looks at tables of a role that may do less than ', current_user, ' before it reads them'
)::boolean END
