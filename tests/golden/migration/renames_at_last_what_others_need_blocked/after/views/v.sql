CREATE VIEW states AS SELECT status FROM job;
