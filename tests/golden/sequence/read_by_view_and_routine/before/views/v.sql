CREATE VIEW state_of_a AS SELECT last_value, is_called FROM a_id_seq;
GRANT SELECT ON state_of_a TO pg_monitor;
CREATE VIEW state_of_it AS SELECT last_value FROM q;
