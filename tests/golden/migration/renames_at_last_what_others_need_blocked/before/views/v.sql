CREATE VIEW states AS SELECT state FROM job;
