CREATE TABLE u (id integer PRIMARY KEY, t_id bigint REFERENCES t(id));
