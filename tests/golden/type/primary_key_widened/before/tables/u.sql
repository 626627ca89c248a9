CREATE TABLE u (id integer PRIMARY KEY, t_id integer REFERENCES t(id));
