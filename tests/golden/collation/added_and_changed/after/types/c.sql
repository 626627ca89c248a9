CREATE COLLATION plain (provider = libc, locale = 'C.UTF-8');
CREATE COLLATION other (provider = libc, locale = 'C');
ALTER COLLATION other OWNER TO pg_monitor;
