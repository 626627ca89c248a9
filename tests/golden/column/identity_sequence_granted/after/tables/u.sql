CREATE TABLE u (id integer GENERATED ALWAYS AS IDENTITY);
GRANT USAGE ON SEQUENCE u_id_seq TO pg_monitor;
COMMENT ON SEQUENCE u_id_seq IS 'numbers of t';
