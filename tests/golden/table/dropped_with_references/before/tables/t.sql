CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0);
ALTER TABLE t ADD COLUMN u_id int REFERENCES u(id);
