CREATE TABLE job (id int PRIMARY KEY, s state NOT NULL DEFAULT 'new', all_s state[]);
CREATE INDEX job_s ON job (s) WHERE s = 'new';
