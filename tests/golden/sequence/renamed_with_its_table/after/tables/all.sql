CREATE TABLE t2 (id serial PRIMARY KEY, a int NOT NULL UNIQUE);
CREATE TABLE r (t int REFERENCES t2);
CREATE TABLE u (id int DEFAULT nextval('t2_id_seq'));
