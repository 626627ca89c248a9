CREATE TABLE shared (id serial PRIMARY KEY, n integer);
GRANT SELECT ON SEQUENCE shared_id_seq TO pg_monitor;
CREATE TABLE diary (id integer PRIMARY KEY, remark text);
