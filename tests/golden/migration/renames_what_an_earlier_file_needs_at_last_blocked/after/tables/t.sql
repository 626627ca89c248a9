CREATE TABLE job (id int PRIMARY KEY, status text);
CREATE INDEX job_status ON job (status);
