CREATE TABLE t (id integer, name text);
CREATE TABLE u (id integer, name text);
GRANT ALL ON t, u TO pg_monitor;
GRANT SELECT ON u TO PUBLIC;
