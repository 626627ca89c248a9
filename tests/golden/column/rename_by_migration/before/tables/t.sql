CREATE TABLE t (id int PRIMARY KEY, mail text NOT NULL);
CREATE INDEX t_mail ON t (mail);
