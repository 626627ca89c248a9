CREATE TABLE t (id serial PRIMARY KEY, a int NOT NULL UNIQUE);
CREATE TABLE r (t int REFERENCES t);
CREATE TABLE u (id int DEFAULT nextval('t_id_seq'));
