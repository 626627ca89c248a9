-- An error (22012) unless all tracking tables that there are belong to roles that may do all that the session may.
SELECT 1 / ([[trusts_tables]])::integer
