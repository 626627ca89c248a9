CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE INDEX t_v ON t (lower(v)) WHERE v <> '';
