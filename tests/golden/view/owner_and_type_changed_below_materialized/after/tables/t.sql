CREATE TABLE t (id integer PRIMARY KEY, a bigint);
ALTER TABLE t OWNER TO pg_read_all_settings;
