CREATE TABLE t (id integer PRIMARY KEY, a integer);
ALTER TABLE t OWNER TO pg_monitor;
