CREATE TABLE t (id integer CONSTRAINT t_key PRIMARY KEY, n integer);
CREATE TABLE l (t integer CONSTRAINT l_t REFERENCES t);
