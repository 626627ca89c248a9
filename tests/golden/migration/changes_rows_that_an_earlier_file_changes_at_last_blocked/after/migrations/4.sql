INSERT INTO total SELECT sum(n) FROM job;
