CREATE TABLE t (id int PRIMARY KEY, email text NOT NULL);
CREATE INDEX t_mail ON t (email);
