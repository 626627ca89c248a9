CREATE INDEX CONCURRENTLY job_status ON job (state);
