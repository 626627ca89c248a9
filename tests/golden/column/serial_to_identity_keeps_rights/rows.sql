INSERT INTO t (id) VALUES (1),(2),(3);
GRANT USAGE ON SEQUENCE t_v_seq TO pg_monitor;
