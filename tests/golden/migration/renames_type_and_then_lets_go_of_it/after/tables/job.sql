CREATE TABLE job (id int PRIMARY KEY, s text NOT NULL DEFAULT 'new', all_s text[]);
CREATE INDEX job_s ON job (s) WHERE s = 'new';
