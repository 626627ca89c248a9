-- True of a role that may do all that the session may, so that what it owns can have nothing of the session: it is that
-- role, may become it, or is a superuser. Who logged in counts, too: the code of triggers may RESET ROLE.
pg_catalog.pg_has_role([[role]], session_user, [[becomes]]) AND pg_catalog.pg_has_role([[role]], current_user, [[becomes]])
