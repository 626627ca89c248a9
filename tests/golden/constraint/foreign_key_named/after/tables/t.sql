CREATE TABLE t (id int PRIMARY KEY, u_id int CONSTRAINT belongs_to REFERENCES u(id));
