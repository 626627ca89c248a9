"""Everything that talks to PostgreSQL: the only importer of psycopg, and the only place where a server is started."""
