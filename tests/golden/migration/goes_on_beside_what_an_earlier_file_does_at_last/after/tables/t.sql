CREATE TABLE job (id int PRIMARY KEY, state text, n int, m int);
CREATE TABLE note (t text);
CREATE INDEX job_n ON job (n);
