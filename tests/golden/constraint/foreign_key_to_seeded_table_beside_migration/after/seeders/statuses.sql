INSERT INTO statuses VALUES ('open'), ('done');
