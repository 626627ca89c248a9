CREATE TABLE t (id integer, name text);
GRANT SELECT, INSERT ON t TO pg_monitor WITH GRANT OPTION;
